// Shows the snippets while the form is filled in, and copies them. The server writes the
// snippets: this fetches the page for the form's fields, and shows its result.

import { addButtons } from "./copy.js";

const MILLISECONDS_TO_STOP_TYPING = 200;

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

addButtons();

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
      said.textContent = said.dataset.noAnswer;
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
  for (const details of document.querySelectorAll("#result details[open]")) {
    const next = page.getElementById(details.id);
    if (next) {
      next.open = true;
    }
  }
  document.querySelector("#result").replaceWith(page.querySelector("#result"));
  addButtons();
}
