// The browser's storage for this site, or memory if that is unavailable.

/** Keeps strings by name, as `localStorage` does, until the page is left. */
export const memory = {};

/** The browser's storage, or `memory` without one. */
export const storage = open();

function open() {
  try {
    Object.keys(localStorage); // throws if it is blocked, broken or null
    return localStorage;
  } catch {
    return memory;
  }
}
