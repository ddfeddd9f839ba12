// Light or dark: as the system has it, until somebody says otherwise on this screen.
import { say } from "./say.js";

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";

export function startThemeSwitch() {
  const button = document.querySelector("[data-theme-switch]");
  if (!button) return;
  const word = button.querySelector(".theme-word");
  const describe = () => (word.textContent = say(isDark() ? "light" : "dark"));
  button.hidden = false;
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // A screen that may keep nothing: the choice lasts as long as the page.
    }
    describe();
  });
  dark.addEventListener("change", describe);
  describe();
}
