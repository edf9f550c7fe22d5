// Which page is shown, and when it changes.

const MILLISECONDS_TO_RENDER = 100;

/** Return the page's path and query, and its fragment if that is a route. */
export function currentPage() {
  return path(location.search);
}

// A route is for example #/about or #!about; other fragments are places on the page.
function path(search) {
  const route = /^#[!/]/.test(location.hash) ? location.hash : "";
  return location.pathname + (search ?? "") + route;
}

/**
 * Follow an application that changes the page without loading another document.
 *
 * Calls `moved` once the new page is drawn and has its title. Calls `tidied`, with the
 * page before, when only the query changed and replaced its entry in the history.
 */
export function followHistory(moved, tidied) {
  const soon = () => setTimeout(moved, MILLISECONDS_TO_RENDER);
  addEventListener("popstate", soon);
  addEventListener("hashchange", soon);
  for (const name of ["pushState", "replaceState"]) {
    const original = history[name];
    history[name] = (...state) => {
      const before = [path(), currentPage()];
      original.apply(history, state);
      if (name === "replaceState" && before[0] === path()) tidied(before[1]);
      else soon();
    };
  }
}
