// Stands in for the scripts of busuanzi, soxft/busuanzi and Vercount, at their addresses:
//
//   <script async src="https://counter.example/js"></script>
//
// It counts the page, and fills the elements that those scripts fill. If there is no
// number, it leaves the page as it is. It may run again after each change of the page.

import { display, known, NAMES, write } from "./drop_in_elements.js";
import { endpoint, followsHistory, site } from "./drop_in_tag.js";
import { identity } from "./identity.js";
import { readMark } from "./own.js";
import { newView } from "./page.js";
import { written } from "./sending.js";
import { complain } from "./tag.js";

const MARK = Symbol.for("page-tracker-drop-in");

/** The identity of the page that was seen last, and its view. */
let shown, latest;

/** The title of the page before. */
let lastTitle;

/** The functions that get the numbers once somebody sees the page. */
let waiting = [];

/** Count the page as soon as it is read and visible, and hand on its numbers. */
function visit(use) {
  waiting.push(use);
  look();
}

async function look() {
  const { readyState, prerendering, hidden } = document;
  if (readyState === "loading" || prerendering || hidden || !waiting.length) return;
  const uses = waiting;
  waiting = [];
  readMark();
  const page = identity();
  // A second run on the same page sends the same id, and counts once.
  if (page !== shown) {
    latest = newView(latest ? location.origin : document.referrer);
    // An application may change the address first, and the title later.
    if (latest.title === lastTitle) latest.title = "";
    lastTitle = document.title;
    shown = page;
  }
  const numbers = await count(latest);
  if (numbers && page === shown) for (const use of uses) use(numbers);
}

/** Send a view. Return the numbers by the names that pages know, if there are any. */
async function count(view) {
  const millisecondsToAnswer = 10000;
  const controller = new AbortController();
  setTimeout(() => controller.abort(), millisecondsToAnswer);
  try {
    const response = await fetch(endpoint, {
      method: "POST",
      body: written({ ...view, site, visitors: true }),
      credentials: "omit",
      keepalive: true,
      signal: controller.signal,
    });
    const answer = await response.json();
    if (answer.detail) complain("did not count this view:", answer.detail);
    const { site: all, page } = answer;
    return (
      all && {
        site_uv: all.visitors,
        page_pv: page?.views,
        version: 2.4,
        site_pv: all.views,
        page_uv: page?.uniques,
      }
    );
  } catch (error) {
    complain("did not count this view:", error.message);
  }
}

function fill(numbers) {
  write(numbers);
  display("inline", known(numbers));
}

function follow() {
  visit(fill);
}

/** Keep what pages call that busuanzi left behind. */
function leaveNames() {
  window.bszCaller = {
    fetch(_address, use) {
      visit((numbers) => {
        try {
          use(numbers);
        } catch {
          display("none");
        }
      });
    },
  };
  window.bszTag = {
    bszs: NAMES,
    texts: write,
    shows: () => display("inline"),
    hides: () => display("none"),
  };
}

function start() {
  for (const name of ["DOMContentLoaded", "prerenderingchange", "visibilitychange"])
    document.addEventListener(name, look);
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) {
      shown = undefined;
      follow();
    }
  });
  leaveNames();
  if (!followsHistory) return;
  const { pushState } = history;
  history.pushState = (...state) => {
    pushState.apply(history, state);
    follow();
  };
  addEventListener("popstate", follow);
}

if (location.protocol === "file:") complain("does not count local files");
else {
  if (!window[MARK]) {
    window[MARK] = follow;
    start();
  }
  window[MARK]();
}
