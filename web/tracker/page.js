// Counts the page that is shown. An application may change it without loading another
// document.

import { fill } from "./elements.js";
import { currentPage, identity } from "./identity.js";
import { isOwn, readMark } from "./own.js";
import { count } from "./sending.js";
import { privacy, site } from "./tag.js";

/** The identity of the page that was seen last. */
let shown;
/** The view of that page, and later its numbers. */
let latest;
/** Set while that view waits for the title of its page. */
let timer;
/** The title of the page before; once that page has one, its own. */
let lastTitle;

/** Count the page if it is visible and not the one that was seen last, or `again`. */
export function arrive(again) {
  if (document.prerendering || document.hidden) return send("");
  readMark();
  const page = identity();
  const isMove = latest && again !== true; // a listener gets an event here
  if (isMove && page === shown) return;
  send(""); // the page before may still wait
  latest = newView(latest ? location.origin : document.referrer);
  shown = page;
  timer = setTimeout(send, 1000, ""); // milliseconds
  if (isMove) redrawn();
  else send(document.title);
}

/** Send the view that waits, if one does. An unknown title is empty. */
async function send(title) {
  if (!timer) return;
  timer = clearTimeout(timer);
  lastTitle = title || lastTitle;
  const view = latest;
  view.title = title;
  view.numbers = await count(view);
  redrawn();
}

/** Count the page before it is left, even if it has no title yet. */
export function depart() {
  arrive();
  send("");
}

/** Take the title and fill the elements that the page has by now. */
export function redrawn() {
  if (identity() !== shown) return; // `arrive` follows
  if (!timer) lastTitle = document.title;
  else if (document.title !== lastTitle) send(document.title);
  if (latest.numbers) fill(latest.numbers);
}

/** Count the page that an application shows now, if it is still there in 100 ms. */
export function moved() {
  setTimeout(arrive, 100); // nobody saw a page that only led to another
}

/** Follow an application that changes the page's address. */
export function followHistory() {
  for (const name of ["pushState", "replaceState"]) {
    const original = history[name];
    history[name] = (...state) => {
      const isShown = identity() === shown;
      const path = identity("");
      original.apply(history, state);
      // To replace only the query is to tidy the address of the same page.
      if (isShown && name === "replaceState" && path === identity(""))
        shown = identity();
      else moved();
    };
  }
}

export function newView(referrer) {
  return {
    site,
    host: location.hostname,
    page: currentPage(),
    referrer,
    title: document.title,
    id: crypto.getRandomValues(new Uint32Array(4)).join("-"),
    privacy,
    own: isOwn(),
    seen: Date.now(),
  };
}
