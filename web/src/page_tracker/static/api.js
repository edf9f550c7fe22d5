// Draws the OpenAPI document, light or dark as the system is.
const place = document.querySelector("#api");
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () =>
  document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();
window.SwaggerUIBundle({
  domNode: place,
  url: place.dataset.document,
  validatorUrl: null, // its own one is on the internet
  deepLinking: true,
  defaultModelsExpandDepth: 0,
});
