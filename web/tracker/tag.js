// The settings in the tag's attributes and in the browser.

// Available only while the script first runs, and not in a module.
const script = document.currentScript ?? document.querySelector("script[data-site]");

export const site = script.dataset.site;

export const endpoint = new URL(script.dataset.endpoint ?? "api/v1/views", script.src);

/** Whether the visitor asks for privacy. */
export const privacy = Boolean(
  navigator.globalPrivacyControl || navigator.doNotTrack === "1",
);

/** Write a line for the owner of the site to the console. */
export function complain(text) {
  console.warn(`Page Tracker ${text}`);
}
