// Adds a button to each snippet that copies it. The element `#status` has the words.

const MILLISECONDS_TO_READ = 2000;

const said = document.querySelector("#status");

export function addButtons() {
  for (const snippet of document.querySelectorAll(".snippet")) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = said.dataset.copy;
    button.setAttribute(
      "aria-label",
      `${said.dataset.copy} ${snippet.querySelector("h2, h3")?.textContent ?? ""}`,
    );
    button.addEventListener("click", () => copy(snippet.querySelector("code"), button));
    snippet.querySelector("pre").before(button);
  }
}

async function copy(code, button) {
  getSelection().selectAllChildren(code);
  said.textContent = "";
  const isCopied = await copied(code.textContent);
  said.textContent = isCopied ? said.dataset.copied : said.dataset.notCopied;
  button.textContent = isCopied ? said.dataset.copied : said.dataset.selected;
  setTimeout(() => (button.textContent = said.dataset.copy), MILLISECONDS_TO_READ);
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
