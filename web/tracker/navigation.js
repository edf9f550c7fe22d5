// Which page is shown, and when it becomes another one.

const MILLISECONDS_TO_RENDER = 100;

/** Return the page's path and query, and its fragment where that is a route. */
export function currentPage() {
  return path(location.search);
}

// As in #/about or #!about; any other fragment is a place on the page.
function path(search) {
  const route = /^#[!/]/.test(location.hash) ? location.hash : "";
  return location.pathname + (search ?? "") + route;
}

/**
 * Follow an application that changes the page without loading another document.
 *
 * `moved` is called once the page is drawn and has its title, `tidied` with the page
 * so far when a mere change of its query took its entry's place in the history.
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
