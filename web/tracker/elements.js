// The elements of the page that show a number.

const ELEMENTS = "[data-views],[data-visits]";

/** Say whether the page shows a number. */
export function hasElements() {
  return document.querySelector(ELEMENTS);
}

/** Show the numbers of an answer; what it does not have stays as the page wrote it. */
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
    return number.toLocaleString(); // the page names no language, or none that exists
  }
}
