// The settings in the tag's attributes and in the browser.

// Available only while the script first runs, and not in a module.
const script = document.currentScript ?? document.querySelector("script[data-site]");

export const site = script.dataset.site;

export const endpoint = new URL(script.dataset.endpoint ?? "api/v1/views", script.src);

/** Whether the visitor asks for privacy. */
export const privacy = navigator.globalPrivacyControl || navigator.doNotTrack > 0;

/** The lines that this page has written, without their reasons. */
const complaints = {};

/**
 * Write a line for the owner of the site to the console, if it is new on this page. The
 * reason, `why`, does not make a line new.
 */
export function complain(what, ...why) {
  complaints[what] = complaints[what] || !console.warn("Page Tracker", what, ...why);
}
