// The elements of the page that show a number.

const ELEMENTS = "[data-views],[data-uniques],[data-visits]";

/** For each element the answer that it shows, and its text before the first. */
const filled = new WeakMap();

/**
 * Show the numbers of an answer. An element without a number keeps its text.
 *
 * Called again with the same answer, it fills new elements, and those to which the page
 * gave their first text back. It leaves what else the page wrote.
 */
export function fill(answer) {
  for (const element of document.querySelectorAll(ELEMENTS)) {
    const { views, uniques, visits } = element.dataset;
    const numbers = answer[views ?? uniques ?? visits] ?? {};
    const number = views ? numbers.views : numbers.uniques;
    const text = element.textContent;
    const [last, first = text] = filled.get(element) ?? [];
    if (number >= 0 && (answer !== last || text === first)) {
      filled.set(element, [answer, first]);
      const shown = written(number);
      // To write the same text is a change too, which would call this function again.
      if (shown !== text) element.textContent = shown;
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
