// Sends views, and keeps each one until an answer settles it.

import { dequeue, enqueue, queued } from "./queue.js";
import { memory, storage } from "./storage.js";
import { complain, endpoint, privacy } from "./tag.js";

const HALF_CHARACTERS = /[\ud800-\udfff]/gu; // with "u", no part of a pair

/** The views on their way. */
const sent = new Set();
let isSendingQueue;
let hasComplained;

/**
 * Send a view as text, which needs no CORS preflight. Return the answer, or nothing if
 * the view is kept for a later try.
 */
export async function count(view) {
  const millisecondsToAnswer = 10000;
  sent.add(view);
  try {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), millisecondsToAnswer);
    const response = await fetch(endpoint, {
      method: "POST",
      body: written(view),
      credentials: "omit",
      keepalive: true,
      signal: controller.signal,
    });
    const answer = await response.json();
    const problem = answer.reason ?? answer.detail;
    // A retry may succeed after 429 (too many views) and faults of the server.
    if (response.status > 428 || !(answer.counted || problem)) throw Error();
    dequeue(view);
    if (problem && !hasComplained) {
      hasComplained = true;
      complain(`did not count this view: ${problem}`);
    }
    sendQueue();
    return answer;
  } catch {
    keep(view);
  } finally {
    sent.delete(view);
  }
}

/**
 * Send the queue, one by one: a view that fails does not hold up the others. Another
 * tab may send it too: thanks to their ids, all count once.
 */
export async function sendQueue() {
  if (isSendingQueue) return;
  isSendingQueue = true;
  for (const view of queued()) await count(view);
  isSendingQueue = false;
}

/** Let the browser send the views on their way after the page is gone. */
export function leave() {
  for (const view of sent) {
    const isTaken =
      "keepalive" in Request.prototype || navigator.sendBeacon(endpoint, written(view));
    if (!(isTaken && navigator.onLine)) keep(view);
  }
}

function keep(view) {
  enqueue(view, privacy ? memory : storage);
}

/** Return a view as JSON whose texts are valid Unicode. */
function written({ seen, ...view }) {
  const longest = 4096; // longer than any text that the server keeps
  view.age = Math.max(0, Date.now() - seen) / 1000;
  return JSON.stringify(view, (_, value) =>
    value.slice ? value.slice(0, longest).replace(HALF_CHARACTERS, "\ufffd") : value,
  );
}
