// The browser's storage for this site, or memory where it has none for us.

/** Keeps strings by name, as `localStorage` does, until the page is left. */
export const memory = {};

/** The browser's storage; `memory` where there is none. */
export const storage = open();

function open() {
  try {
    Object.keys(localStorage); // throws where it is blocked, broken or null
    return localStorage;
  } catch {
    return memory;
  }
}
