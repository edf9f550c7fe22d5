// Counts pages whose tag is GoatCounter's:
//
//   <script data-goatcounter="https://counter.example/example.org/count"
//     async src="https://counter.example/count.js"></script>
//
// The names of settings, functions and attributes are those that pages use already. A
// setting may be a function that makes a value of the usual one.

import { storage } from "./storage.js";

const SETTINGS = [
  "allow_frame",
  "allow_local",
  "endpoint",
  "event",
  "no_events",
  "no_onload",
  "no_session",
  "path",
  "referrer",
  "title",
];

const LOCAL =
  /(^|\.)localhost$|^(127|10|192\.168|172\.(1[6-9]|2\d|3[01]))\.[\d.]+$|^0\.0\.0\.0$|^\[::1\]$/;

const LONGEST = { r: 2048, t: 1024 }; // the server refuses longer ones

const HALF_CHARACTERS = /[\ud800-\udfff]/gu; // with "u", no part of a pair

// Available only while the script first runs.
const source = document.currentScript?.src;

const counter = window.goatcounter?.vars ?? window.goatcounter ?? {};
window.goatcounter = counter;

let isSeen;

/** The elements whose clicks are counted. */
const bound = new WeakSet();

Object.assign(counter, { bind_events, count, filter, get_data, get_query, url });
counter.visit_count = visitCount;

function warn(text) {
  console.warn("goatcounter:", text);
}

function tag() {
  return document.querySelector("script[data-goatcounter]");
}

function readSettings() {
  try {
    const given = JSON.parse(tag()?.dataset.goatcounterSettings || "{}");
    for (const name of SETTINGS) if (name in given) counter[name] = given[name];
  } catch (error) {
    warn(`invalid data-goatcounter-settings: ${error.message}`);
  }
}

/** Return where views go; without a setting, beside this script. */
function endpoint() {
  const named = tag()?.dataset.goatcounter || counter.endpoint;
  return named || (source && new URL("count", source).href);
}

/** Return path and query of the page, as the page itself names them if it does. */
function currentPath() {
  const link = document.querySelector("link[rel=canonical][href]");
  const named = link && new URL(link.href);
  const place = named && isSameHost(named) ? named : location;
  return place.pathname + place.search || "/";
}

function isSameHost({ hostname }) {
  return hostname.replace(/^www\./, "") === location.hostname.replace(/^www\./, "");
}

/** Return the number by which the server knows a browser that a program drives. */
function bot() {
  if (window.callPhantom || window._phantom || window.phantom) return 150;
  if (window.__nightmare) return 151;
  const { __selenium_unwrapped, __webdriver_evaluate, __driver_evaluate } = document;
  if (__selenium_unwrapped || __webdriver_evaluate || __driver_evaluate) return 152;
  return navigator.webdriver ? 153 : 0;
}

/** Return the parameters of a view, without its random one. */
function get_data(vars) {
  const given = vars || {};
  const value = (name, usual) => {
    const wish = given[name] === undefined ? counter[name] : given[name];
    return typeof wish === "function" ? wish(usual()) : (wish ?? usual());
  };
  return {
    p: value("path", currentPath),
    r: value("referrer", () => document.referrer),
    t: value("title", () => document.title),
    e: !!(given.event || counter.event),
    ns: !!(given.no_session || counter.no_session),
    s: screen.width,
    b: bot(),
    q: location.search,
  };
}

/** Return the address that counts a view; nothing if the page has none for it. */
function url(vars) {
  const data = counter.get_data(vars);
  if (data.p == null) return; // a function of the page said so
  const place = endpoint();
  if (!place) return warn("no endpoint found");
  data.rnd = Math.random().toString(36).slice(2, 7);
  return `${place}?${Object.keys(data).map(written, data).filter(Boolean).join("&")}`;
}

/** Return a parameter of `this`; nothing if it is empty. */
function written(name) {
  const value = this[name];
  if (value === "" || value == null || value === false) return;
  const text = String(value).slice(0, LONGEST[name]).replace(HALF_CHARACTERS, "\ufffd");
  return `${name}=${encodeURIComponent(text)}`;
}

/** Return why views of this page do not count, or `false`. */
function filter() {
  if (document.prerendering) return "visibilityState";
  if (!counter.allow_frame && window !== window.parent) return "frame";
  const isLocal = LOCAL.test(location.hostname) || location.protocol === "file:";
  if (!counter.allow_local && isLocal) return "localhost";
  return storage.skipgc === "t" && "disabled with #toggle-goatcounter";
}

/** Count a view or an event. */
function count(vars) {
  const reason = counter.filter();
  if (reason) return warn(`not counting because of: ${reason}`);
  const address = counter.url(vars);
  if (!address) return warn("not counting: the page gave no path");
  // A browser, or what blocks advertisements in it, may refuse the first.
  if (!navigator.sendBeacon?.(address)) new Image().src = address;
}

/** Return a parameter of the page's address, as it stands there. */
function get_query(name) {
  const start = `${name.toLowerCase()}=`;
  const pairs = location.search.slice(1).split("&");
  const found = pairs.find((pair) => pair.toLowerCase().startsWith(start));
  return found?.slice(start.length);
}

/** Count the clicks on elements with `data-goatcounter-click` that the page has now. */
function bind_events() {
  for (const element of document.querySelectorAll("[data-goatcounter-click]")) {
    if (bound.has(element)) continue;
    bound.add(element);
    const send = ({ button }) => button > 1 || counter.count(eventOf(element));
    element.addEventListener("click", send);
    element.addEventListener("auxclick", send);
  }
}

function eventOf({ dataset, id, name, textContent, title }) {
  return {
    event: true,
    path: dataset.goatcounterClick || name || id || "",
    title: dataset.goatcounterTitle || title || textContent.trim().slice(0, 200),
    referrer: dataset.goatcounterReferrer || dataset.goatcounterReferral || "",
    no_session: dataset.goatcounterNoSession,
  };
}

/** Show the number of visits of a page, in a frame or an image. */
function visitCount(wish) {
  const options = wish || {};
  whenReady(() => {
    const { type = "html", append = "body", path = currentPath() } = options;
    const isFrame = type === "html";
    if (!isFrame && type !== "svg" && type !== "png")
      return warn(`visit_count: unknown type: ${type}`);
    const place = document.querySelector(append);
    if (!place) return warn(`visit_count: append not found: ${append}`);
    const parameters = ["style", "start", "end"].map(written, options).filter(Boolean);
    if (options.no_branding) parameters.unshift("no_branding=1");
    const height = options.no_branding ? "60" : "80";
    const attributes = {
      ...(options.attr || { width: "200", height }),
      ...(isFrame && { frameborder: "0", scrolling: "no" }),
      src: `${endpoint()}er/${encodeURIComponent(path)}.${type}?${parameters.join("&")}`,
    };
    const element = document.createElement(isFrame ? "iframe" : "img");
    for (const name in attributes) element.setAttribute(name, attributes[name]);
    place.append(element);
  });
}

/** Leave out the views of this browser, or count them again. */
function toggle() {
  const isOut = storage.skipgc !== "t";
  try {
    if (isOut) storage.skipgc = "t";
    else delete storage.skipgc;
  } catch {
    // The storage is full: the message below tells what holds.
  }
  const does = storage.skipgc === "t" ? "leaves out" : "counts";
  alert(`Page Tracker ${does} your views in this browser.`);
}

function whenReady(act) {
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", act);
  else act();
}

/** Count the page when somebody sees it, once. */
function countOnceVisible() {
  if (isSeen || document.hidden || document.prerendering) return;
  isSeen = true;
  counter.count();
}

readSettings();
if (location.hash === "#toggle-goatcounter") toggle();
if (!counter.no_onload)
  whenReady(() => {
    for (const name of ["prerenderingchange", "visibilitychange"])
      document.addEventListener(name, countOnceVisible);
    countOnceVisible();
    if (!counter.no_events) bind_events();
  });
