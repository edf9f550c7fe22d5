// Marks the browser of a site's owner, whose views are not counted.

import { currentPage } from "./identity.js";
import { storage } from "./storage.js";

const KEY = "page-tracker-own";
const LINK = /^#page-tracker=((own)|visitor)$/;

/** Return whether this browser is marked. */
export function isOwn() {
  return KEY in storage;
}

/** Set or remove the mark if the page's address asks for it, and show the result. */
export function readMark() {
  const wish = LINK.exec(location.hash);
  if (!wish) return;
  try {
    if (wish[2]) storage[KEY] = 1;
    else delete storage[KEY];
  } catch {
    // The storage is full: the message below is still true.
  }
  history.replaceState(history.state, "", currentPage());
  alert(
    `Page Tracker ${isOwn() ? "leaves out" : "counts"} your views in this browser.`,
  );
}
