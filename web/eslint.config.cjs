// Refuses functions in the tracker that a browser of package.json's browserslist lacks.
// esbuild writes the syntax for these browsers, so syntax needs no rule here.

const data = require("@mdn/browser-compat-data");
const compat = require("eslint-plugin-compat");
const esX = require("eslint-plugin-es-x");
const { browserslist } = require("./package.json");

const oldest = browserslist.map((browser) => browser.split(" >= "));

const isMissing = ({ __compat: { support } }) =>
  oldest.some(([browser, version]) => {
    const [{ version_added: added }] = [support[browser]].flat();
    return !(Number.parseFloat(added) <= version);
  });

// The plugin `compat` does not know static functions such as AbortSignal.timeout.
const newStatics = Object.entries(data.api).flatMap(([object, members]) =>
  Object.keys(members)
    .filter((name) => name.endsWith("_static") && isMissing(members[name]))
    .map((name) => ({ object, property: name.replace("_static", "") })),
);

// The plugin `es-x` does not know types, so it takes any `map` for an iterator's.
const ofIterators = Object.keys(esX.rules)
  .filter((name) => name.startsWith("no-iterator-prototype-"))
  .map((name) => [`es-x/${name}`, "off"]);

module.exports = [
  compat.configs["flat/recommended"],
  esX.configs["flat/restrict-to-es2020"],
  {
    settings: { "es-x": { aggressive: true } },
    rules: {
      "no-restricted-properties": ["error", ...newStatics],
      ...Object.fromEntries(ofIterators),
    },
  },
];
