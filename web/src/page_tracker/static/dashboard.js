// Comforts of the dashboard. Every page works whole without them.

const MILLISECONDS_BETWEEN_LOOKS = 10_000;

const all = (selector) => [...document.querySelectorAll(selector)];
const [plot] = all(".plot:has(.column)");
const [live] = all("[data-live]");

if (plot) follow(all(".column"));
if (live) setInterval(look, MILLISECONDS_BETWEEN_LOOKS);
if (all(".snippet").length) import("./copy.js").then((copying) => copying.addButtons());
for (const hidden of all("[data-with-script]")) hidden.hidden = false;

document.addEventListener("click", ({ target }) => {
  for (const menu of all(".menu[open]")) menu.open = menu.contains(target);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const isTyping = event.target.matches("input:not([type=radio]), select, textarea");
  if (event.key === "Escape") for (const menu of all(".menu[open]")) menu.open = false;
  const [part] = all(`[data-key~="${CSS.escape(event.key)}"]`);
  if (isTyping || !part) return;
  event.preventDefault();
  if (event.key === "/" && part.href) location.assign(`${part.href}#search`);
  else if (!part.matches("input")) part.click();
  if (!part.href) part.focus();
});

/** Show the text of the bar under the pointer, or that the arrow keys reach. */
function follow(columns) {
  const texts = columns.map((column) => column.textContent);
  const tip = plot.appendChild(document.createElement("output"));
  let at = columns.length;
  columns.forEach((column, place) => {
    column.replaceChildren();
    column.addEventListener("pointerenter", () => show(place));
  });
  plot.addEventListener("pointerleave", () => show(-1));
  plot.addEventListener("blur", () => show(-1));
  plot.tabIndex = 0;
  plot.role = "group";
  plot.ariaLabel = plot.querySelector("svg").ariaLabel;
  plot.addEventListener("keydown", ({ key }) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[key];
    if (step) show(Math.min(Math.max(at + step, 0), columns.length - 1));
  });

  function show(place) {
    columns[at]?.classList.remove("chosen");
    columns[place]?.classList.add("chosen");
    tip.textContent = texts[place] ?? "";
    if (place < 0) return;
    at = place;
    const part = `${(100 * (at + 0.5)) / columns.length}%`;
    tip.style.left = part;
    tip.style.translate = `-${part}`;
  }
}

/** Ask for what happens now. The server answers 304 if nothing did. */
async function look() {
  if (document.hidden) return;
  const headers = { "If-None-Match": live.dataset.tag ?? "" };
  const answer = await fetch(live.dataset.live, { headers }).catch(() => null);
  if (answer?.status !== 200) return;
  live.dataset.tag = answer.headers.get("ETag");
  const { visitors } = await answer.json();
  live.querySelector("b").textContent = visitors.toLocaleString(
    document.documentElement.lang,
  );
  const [now] = all("#now");
  if (!now) return;
  const page = await (await fetch(location)).text();
  const next = new DOMParser().parseFromString(page, "text/html").querySelector("#now");
  if (next) now.replaceWith(next);
}
