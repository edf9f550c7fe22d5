// Which page is shown, and what makes two addresses one page.

const TRACKING = /^(utm_|ref=|\w+clk?id=)/i; // for example gclid, fbclid, msclkid

/** Return the page's path and query, and its fragment if that is a route. */
export function currentPage(query) {
  // A route is for example #/about or #!about; other fragments are places on the page.
  return (
    location.pathname +
    (query ?? location.search) +
    (/^#[/!][^#]*/.exec(location.hash) ?? "")
  );
}

/**
 * Return the same text for addresses that the server counts as one page.
 *
 * `canonical_page` of the server has the rules. This function knows only the usual
 * parameters that name a visitor's source.
 */
export function identity(query) {
  return spell(currentPage(query)).split("#").map(tidy).join("#").replace(/#!?$/, "");
}

function tidy(address) {
  const parameters = address.split(/[?&]/);
  const path = parameters.shift().replace(/\/+/g, "/");
  return [
    path.replace(/(\/(index\.html?)?)+$/, ""),
    ...parameters.filter((text) => text && !TRACKING.test(text)).sort(),
  ].join("&");
}

/** Write each character in one way: unescaped, unless it has a meaning or is not ASCII. */
function spell(text) {
  return text.replace(/%[\da-f]{2}/gi, (escaped) =>
    (escaped < "%8" ? decodeURI : String)(escaped.toUpperCase()),
  );
}
