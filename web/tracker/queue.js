// Views that could not be sent yet.
//
// Each is stored under a key of its own, so that two tabs never overwrite each other's
// views, and no key is left once all are sent.

import { memory, storage } from "./storage.js";
import { privacy } from "./tag.js";

const PREFIX = "page-tracker-view-";

/**
 * Keep a view, in `memory` if the visitor asks for privacy. Return `true`, or nothing if
 * the queue is full.
 */
export function enqueue(view) {
  const most = 100;
  if ([...queued()].length < most) {
    const text = JSON.stringify(view);
    try {
      (privacy ? memory : storage)[PREFIX + view.id] = text;
    } catch {
      memory[PREFIX + view.id] = text; // the storage is full
    }
    return true;
  }
}

/** Yield the kept views; drop old and invalid ones. */
export function* queued() {
  const millisecondsKept = 24 * 60 * 60 * 1000;
  for (const key of Object.keys({ ...storage, ...memory })) {
    if (!key.startsWith(PREFIX)) continue;
    let view;
    try {
      // Read at its turn: another tab may have sent it by then.
      view = JSON.parse(memory[key] ?? storage[key]);
    } catch {
      // It is invalid.
    }
    if (view && Date.now() - view.seen < millisecondsKept) yield view;
    else drop(key);
  }
}

/** Drop a view that an answer settled. */
export function dequeue(view) {
  drop(PREFIX + view.id);
}

function drop(key) {
  delete memory[key];
  delete storage[key];
}
