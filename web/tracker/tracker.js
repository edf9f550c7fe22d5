// Counts the views of a page and shows their number, with one tag:
//
//   <script defer src="https://counter.example/tracker.js" data-site="example.org"></script>
//
// It sets no cookie. It stores only unsent views and the owner's mark.

import { arrive, depart, followHistory, moved, newView, redrawn } from "./page.js";
import { count, leave, sendQueue } from "./sending.js";
import { complain, site } from "./tag.js";

const MARK = Symbol.for("page-tracker");

const listeners = {
  click,
  auxclick: click,
  hashchange: moved,
  online: sendQueue,
  pagehide() {
    depart();
    leave();
  },
  pageshow: (event) => arrive(event.persisted),
  popstate: moved,
  prerenderingchange: arrive,
  visibilitychange: arrive,
};

/** Count the event of the element that was clicked with the first or middle button. */
function click(event) {
  if (event.button > 1) return;
  // For a click inside a web component, `target` is the whole component.
  for (const { dataset } of event.composedPath()) {
    if (dataset && "event" in dataset) return countEvent(dataset.event);
  }
}

function countEvent(name) {
  count({ ...newView(""), event: String(name) });
}

function start() {
  // Before the page can stop an event.
  for (const name in listeners) addEventListener(name, listeners[name], true);
  followHistory();
  arrive();
  new MutationObserver(redrawn).observe(document, {
    childList: true,
    subtree: true,
    characterData: true,
  });
}

if (!site) complain("needs data-site");
else if (location.protocol === "file:") complain("does not count local files");
else if (!window[MARK]) {
  // Otherwise it is the page's second tag.
  window[MARK] = { event: countEvent, view: () => arrive(true) };
  if (window.pageTracker === undefined) window.pageTracker = window[MARK];
  else complain("counts; pageTracker is taken");
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
}
