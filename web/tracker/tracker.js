// Counts the views of a page and shows their number, with one tag:
//
//   <script defer src="https://counter.example/tracker.js" data-site="example.org"></script>
//
// It sets no cookie. It stores only unsent views and the owner's mark.

import { fill, hasElements } from "./elements.js";
import { currentPage, followHistory } from "./navigation.js";
import { isOwn, readMark } from "./own.js";
import { dequeue, enqueue, queued } from "./queue.js";
import { memory, storage } from "./storage.js";

const MILLISECONDS_TO_ANSWER = 10_000;

// Available only while the script first runs, and not in a module.
const script = document.currentScript ?? document.querySelector("script[data-site]");
const { site, endpoint = "api/v1/views" } = script.dataset;
const url = new URL(endpoint, script.src).href;
const privacy = navigator.globalPrivacyControl || navigator.doNotTrack === "1";

/** The page that was counted last; undefined before the first. */
let counted;
/** The view whose numbers the page shows. */
let latest;

/** Count the page if it is visible, and not the one that was counted last. */
function arrive() {
  if (document.prerendering || document.hidden) return;
  readMark();
  const page = currentPage();
  if (page === counted) return;
  latest = newView(counted === undefined ? document.referrer : "");
  counted = page;
  if (hasElements()) count(latest, show);
  else count(latest, hand);
}

/** Count the page, even if it was counted last. */
function arriveAgain() {
  counted = "";
  arrive();
}

function countEvent(name) {
  count({ ...newView(""), event: String(name) }, hand);
}

function newView(referrer) {
  return {
    site,
    page: currentPage(),
    referrer: referrer.length > 2048 ? referrer.split("?")[0].slice(0, 2048) : referrer,
    title: [...document.title].slice(0, 512).join(""), // never half a character
    id: randomId(),
    privacy: Boolean(privacy),
    own: isOwn(),
  };
}

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(22));
  return Array.from(bytes, (byte) => (byte % 36).toString(36)).join("");
}

/** Send a view, then those in the queue. Keep the view if it cannot be sent. */
async function count(view, send) {
  const seen = Date.now();
  try {
    await send(view);
    sendQueue();
  } catch {
    enqueue(view, seen, privacy ? memory : storage);
  }
}

/** Hand a view to the browser, which sends it even after the page is left. */
function hand(view) {
  if (!navigator.onLine || !navigator.sendBeacon(url, JSON.stringify(view))) {
    throw Error("not sent");
  }
}

/** Send a view and show its numbers, unless the visitor has moved on. */
async function show(view) {
  const answer = await post(view, true);
  const numbers = await answer.json(); // a refusal has none
  if (view === latest) fill(numbers);
}

/** Send the queue. Another tab may send it too: thanks to their ids, all count once. */
async function sendQueue() {
  const views = queued();
  if (!views.length) return;
  try {
    await post(views);
    dequeue(views);
  } catch {
    // They stay in the queue.
  }
}

/** Send text, which needs no CORS preflight. Throws if a retry may succeed. */
async function post(body, keepalive) {
  const answer = await fetch(url, {
    method: "POST",
    body: JSON.stringify(body),
    credentials: "omit",
    keepalive,
    signal: AbortSignal.timeout(MILLISECONDS_TO_ANSWER),
  });
  if (answer.status === 429 || answer.status >= 500) throw Error(answer.statusText);
  return answer;
}

function start() {
  document.addEventListener("prerenderingchange", arrive);
  document.addEventListener("visibilitychange", arrive);
  addEventListener("pageshow", (event) => event.persisted && arriveAgain());
  addEventListener("online", sendQueue);
  document.addEventListener(
    "click",
    ({ target }) => {
      const element = target.closest?.("[data-event]");
      if (element) countEvent(element.dataset.event);
    },
    true, // before the page can stop it
  );
  followHistory(arrive, (before) => {
    if (counted === before) counted = currentPage();
  });
  arrive();
}

if (!site) console.error("Page Tracker: its tag needs the attribute data-site");
// Once for each page, and never for a local file.
else if (!window.pageTracker && location.protocol !== "file:") {
  window.pageTracker = { event: countEvent, view: arriveAgain };
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", start);
  } else start();
}
