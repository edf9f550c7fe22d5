// Sends views, and keeps each one until an answer settles it.

import { dequeue, enqueue, queued } from "./queue.js";
import { complain, endpoint, privacy } from "./tag.js";

const HALF_CHARACTERS = /[\ud800-\udfff]/gu; // with "u", no part of a pair

/** The views on their way. */
const sent = new Set();
let isSendingQueue;

/**
 * Send a view as text, which needs no CORS preflight. Keep it for a later
 * try unless an answer settles it. Return the answer, if one arrives.
 */
export async function count(view) {
  const millisecondsToAnswer = 10000;
  let answer;
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
    answer = await response.json();
    const problem = answer.detail ?? answer.reason;
    // A retry may succeed after 429 (too many views) and faults of the server.
    if (response.status > 428 || !(answer.counted || problem)) throw Error(problem);
    dequeue(view);
    if (problem) complain("did not count this view:", problem);
    sendQueue();
  } catch (error) {
    if (enqueue(view)) complain("will resend this view:", error.message);
  }
  sent.delete(view);
  return answer;
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
    if (!(isTaken && navigator.onLine)) enqueue(view);
  }
}

/** Return a view as JSON whose texts are valid Unicode. */
export function written({ seen, ...view }) {
  const longest = 4096; // longer than any text that the server keeps
  view.age = Math.max(0, Date.now() - seen) / 1000;
  // Names the country. The server does not store the time zone, and no queue does.
  if (!privacy) view.zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return JSON.stringify(view, (_, value) =>
    value.slice ? value.slice(0, longest).replace(HALF_CHARACTERS, "\ufffd") : value,
  );
}
