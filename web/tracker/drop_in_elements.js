// The elements of the page that show a number, found by their ids.

import { prefix, style } from "./drop_in_tag.js";

export const NAMES = ["site_pv", "site_uv", "page_pv", "page_uv"];

/** Write numbers into their elements; one that is missing leaves its elements alone. */
export function write(numbers) {
  for (const name of known(numbers))
    for (const start of [`${prefix}_value`, prefix, "vercount_value"])
      for (const element of withId(`${start}_${name}`))
        element.textContent = formatted(numbers[name]);
}

/** Show the elements around numbers, or hide them; by default around all. */
export function display(value, names = NAMES) {
  for (const name of names)
    for (const start of [prefix, "vercount"])
      for (const element of withId(`${start}_container_${name}`))
        element.style.display = value;
}

/** Return the names of the numbers that are there. */
export function known(numbers) {
  return NAMES.filter((name) => numbers[name] >= 0);
}

/** Themes use an id twice on one page, for example for wide and for narrow screens. */
function withId(id) {
  return document.querySelectorAll(`[id="${CSS.escape(id)}"]`);
}

function formatted(number) {
  if (style === "comma") return number.toLocaleString();
  if (style !== "short") return number;
  const units = ["", "K", "M", "B", "T"];
  const thousands = Math.floor(Math.log10(number || 1) / 3);
  return Math.round((number / 1000 ** thousands) * 100) / 100 + units[thousands];
}
