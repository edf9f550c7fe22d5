// Views that could not be sent yet.
//
// Each is stored under a key of its own, so that two tabs never overwrite each other's
// views, and no key is left once all are sent.

import { memory, storage } from "./storage.js";

const PREFIX = "page-tracker-view-";
const MOST = 100;
const SECONDS_KEPT = 24 * 60 * 60;

/** Keep a view, with the time it was seen (in milliseconds), in `memory` or `storage`. */
export function enqueue(view, seen, place) {
  if (queued().length >= MOST) return;
  const text = JSON.stringify({ ...view, seen });
  try {
    place[PREFIX + view.id] = text;
  } catch {
    memory[PREFIX + view.id] = text; // the storage is full
  }
}

/** Return the kept views, with their age in seconds; drop old and invalid ones. */
export function queued() {
  const views = [];
  for (const [key, text] of Object.entries({ ...storage, ...memory })) {
    if (!key.startsWith(PREFIX)) continue;
    const view = parse(text);
    if (view.age < SECONDS_KEPT) views.push(view);
    else drop(key);
  }
  return views;
}

/** Drop views that were sent, and no others. */
export function dequeue(views) {
  for (const view of views) drop(PREFIX + view.id);
}

function parse(text) {
  try {
    const { seen, ...view } = JSON.parse(text);
    return { ...view, age: Math.max(0, Date.now() - seen) / 1000 };
  } catch {
    return {};
  }
}

function drop(key) {
  delete memory[key];
  delete storage[key];
}
