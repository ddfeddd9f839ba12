// The pages for IT: ages that count on, a search that follows the typing, the battery chart.
import { Idiomorph } from "idiomorph";
import { startChart } from "./lib/chart.js";
import { showAges } from "./lib/ages.js";
import { startSearch } from "./lib/search.js";
import { startThemeSwitch } from "./lib/theme_switch.js";

startThemeSwitch();
setInterval(showAges, 1000);
for (const element of document.querySelectorAll("[data-chart]")) startChart(element);
for (const form of document.querySelectorAll("form[data-live]")) follow(form);
for (const form of document.querySelectorAll("form[data-search]")) startSearch(form);

for (const element of document.querySelectorAll("[data-refresh]")) setInterval(() => refresh(element).catch(() => {}), 5000);

// What goes on by itself: the same page again, as long as somebody looks at it.
async function refresh(element) {
  if (document.hidden || element.contains(document.activeElement)) return;
  const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const found = page.getElementById(element.id);
  if (found) Idiomorph.morph(element, found);
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
