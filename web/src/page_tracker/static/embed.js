// Shows the snippets while the form is filled in, and copies them. The server writes the
// snippets: this fetches the page for the form's fields, and shows its result.

const MILLISECONDS_TO_STOP_TYPING = 200;
const MILLISECONDS_TO_READ = 2000;

const form = document.querySelector("form");
const said = document.querySelector("#status");

let typing;
let fetching = new AbortController();

form.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(update, MILLISECONDS_TO_STOP_TYPING);
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  await update();
  document.querySelector("#result").scrollIntoView({ block: "nearest" });
});

addCopyButtons();

async function update() {
  const address = `${form.action}?${new URLSearchParams(new FormData(form))}`;
  fetching.abort();
  fetching = new AbortController();
  try {
    const answer = await fetch(address, { signal: fetching.signal });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    show(page);
    history.replaceState(null, "", address);
  } catch (error) {
    if (error.name !== "AbortError") {
      said.textContent = "The server did not answer.";
    }
  }
}

function show(page) {
  for (const error of document.querySelectorAll(".error")) {
    error.textContent = page.getElementById(error.id).textContent;
  }
  for (const field of form.querySelectorAll("[aria-describedby]")) {
    field.ariaInvalid = page.getElementById(field.id).ariaInvalid;
  }
  // The server takes a pasted address apart, into site and page.
  for (const field of form.querySelectorAll("#site, #page")) {
    if (field !== document.activeElement) {
      field.value = page.getElementById(field.id).value;
    }
  }
  document.querySelector("#result").replaceWith(page.querySelector("#result"));
  addCopyButtons();
}

function addCopyButtons() {
  for (const snippet of document.querySelectorAll(".snippet")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Copy";
    button.setAttribute(
      "aria-label",
      `Copy ${snippet.querySelector("h2, h3").textContent}`,
    );
    button.addEventListener("click", () => copy(snippet.querySelector("code"), button));
    snippet.querySelector("pre").before(button);
  }
}

async function copy(code, button) {
  getSelection().selectAllChildren(code);
  said.textContent = "";
  const isCopied = await copied(code.textContent);
  said.textContent = isCopied
    ? "Copied"
    : "Could not copy. The text is selected: press Ctrl+C (⌘C on a Mac).";
  button.textContent = isCopied ? "Copied" : "Selected";
  setTimeout(() => (button.textContent = "Copy"), MILLISECONDS_TO_READ);
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without TLS there is no such clipboard; the old way takes what is selected.
    return document.execCommand("copy");
  }
}
