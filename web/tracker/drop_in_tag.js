// The settings of the tag, as busuanzi, soxft/busuanzi and Vercount have them: an address,
// and perhaps attributes.

const script = document.currentScript; // available only while the script first runs

// For example /stats/blog.example/busuanzi/2.3/busuanzi.pure.mini.js: the path of our
// server, perhaps the name of the site, and one of the paths that themes ask for.
const PLACES =
  /^(.*?\/)(?:([^/]+\.[^\d/][^/]*)\/)?(?:js(?:\/\w+)?|api|jsonp|(?:busuanzi\/[\d.]+\/)?[^/]*)$/;

const address = new URL(script.dataset.api ?? script.src, location);

const [, folder, name] = PLACES.exec(address.pathname);

export const endpoint = new URL(`${folder}api/v1/views`, address);

export const site = name ? decodeURI(name) : location.hostname;

/** The start of the ids of elements. */
export const prefix = script.dataset.prefix ?? "busuanzi";

/** `comma`, `short`, or nothing for plain digits. */
export const style = script.dataset.style;

/** Whether a page that changes in place counts, though the script does not run again. */
export const followsHistory =
  script.hasAttribute("pjax") || address.pathname.endsWith("/lite_pjax");
