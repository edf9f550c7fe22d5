// The pages of an owner: the time zone of the browser, and the wait for a first view.

const MILLISECONDS_BETWEEN_LOOKS = 3000;
const MILLISECONDS_TO_READ = 2500;

for (const field of document.querySelectorAll("[data-zone-of-browser]")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && zone !== "UTC") {
    const known = [...field.options].some((option) => option.value === zone);
    if (!known) field.add(new Option(zone));
    field.value = zone;
  }
}

const live = document.querySelector("#live[data-poll]:not([data-poll=''])");
if (live) look();
else leave();

async function look() {
  try {
    const answer = await fetch(live.dataset.poll);
    if (answer.ok) show(await answer.text());
  } catch {
    // The server is unavailable: the next look may find it.
  }
  if (leave()) return;
  await new Promise((done) => setTimeout(done, MILLISECONDS_BETWEEN_LOOKS));
  if (document.hidden)
    document.addEventListener("visibilitychange", look, { once: true });
  else look();
}

function show(text) {
  const page = new DOMParser().parseFromString(text, "text/html");
  const [now, before] = [page, live].map((part) => part.querySelector("#arrived"));
  // The token of a form differs each time, and a form that is in use must stay.
  if (now && now.textContent !== before.textContent) before.replaceWith(now);
}

/** Go on to the dashboard if the first view has arrived, and say whether it has. */
function leave() {
  const next = document.querySelector("[data-next]")?.dataset.next;
  if (next) setTimeout(() => location.assign(next), MILLISECONDS_TO_READ);
  return Boolean(next);
}
