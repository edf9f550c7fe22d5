// The elements of the page that show a number.

const ELEMENTS = "[data-views],[data-visits]";

/** Return an element that shows a number, if there is one. */
export function hasElements() {
  return document.querySelector(ELEMENTS);
}

/** Show the numbers of an answer. An element without a number keeps its text. */
export function fill(answer) {
  for (const element of document.querySelectorAll(ELEMENTS)) {
    for (const kind of ["views", "visits"]) {
      const number = answer[element.dataset[kind]]?.[kind];
      if (number >= 0) element.textContent = written(number);
    }
  }
}

function written(number) {
  try {
    return number.toLocaleString(document.documentElement.lang);
  } catch {
    return number.toLocaleString(); // the page has no language, or an invalid one
  }
}
