// Light or dark: as the system has it, until somebody says otherwise on this screen.
import { say } from "./say.js";

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";

export function startThemeSwitch() {
  const buttons = document.querySelectorAll("[data-theme-switch]");
  const describe = () => {
    for (const button of buttons) button.querySelector(".theme-word").textContent = say(isDark() ? "light" : "dark");
  };
  for (const button of buttons) {
    button.hidden = false;
    button.addEventListener("click", () => {
      turn();
      describe();
    });
  }
  dark.addEventListener("change", describe);
  describe();
}

function turn() {
  root.dataset.theme = isDark() ? "light" : "dark";
  try {
    localStorage.setItem("theme", root.dataset.theme);
  } catch {
    // A screen that may keep nothing: the choice lasts as long as the page.
  }
}
