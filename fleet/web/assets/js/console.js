// The pages for IT: ages that count on, a search that follows the typing, the battery chart.
import { Idiomorph } from "idiomorph";
import { startChart } from "./lib/chart.js";
import { showAges } from "./lib/ages.js";
import { startDrawing } from "./lib/drawing.js";
import { closeMenus } from "./lib/menus.js";
import { startPasskeys } from "./lib/passkeys.js";
import { startSearch } from "./lib/search.js";
import { startThemeSwitch } from "./lib/theme_switch.js";

startThemeSwitch();
closeMenus();
startPasskeys();
setInterval(showAges, 1000);
for (const element of document.querySelectorAll("[data-chart]")) startChart(element);
for (const figure of document.querySelectorAll("[data-drawing]")) startDrawing(figure);
for (const form of document.querySelectorAll("form[data-live]")) follow(form);
for (const form of document.querySelectorAll("form[data-search]")) startSearch(form);

if (document.querySelector("[data-refresh]")) setInterval(() => refresh().catch(() => {}), 5000);

// What goes on by itself: the same page again, as long as somebody looks at it.
async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  // Asked of all before any of them moves the others from under the finger.
  const free = [...document.querySelectorAll("[data-refresh]")].filter((element) => !isHandled(element));
  for (const element of free) {
    const found = page.getElementById(element.id);
    if (found) Idiomorph.morph(element, found);
  }
}

// No button becomes another one under a finger, nor a field another one under the typing.
function isHandled(element) {
  return element.querySelector("form:hover, form:focus-within") !== null || element.matches("form:is(:hover, :focus-within)");
}

function follow(form) {
  let asked = 0;
  let waiting;
  const find = async () => {
    const turn = ++asked;
    const words = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
    const address = `${form.action}?${words}`;
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (!answer.ok || turn !== asked) return; // a later question is on its way
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = page.getElementById(form.dataset.live);
    if (found) Idiomorph.morph(document.getElementById(form.dataset.live), found);
    history.replaceState(null, "", address);
  };
  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => find().catch(() => form.submit()), 200);
  });
}
