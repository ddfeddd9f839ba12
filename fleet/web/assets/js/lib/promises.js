// What is promised of a cart grows shorter by itself, in the words of fleet/web/words.py, also when
// the server is gone. What was said of a shift is not said any longer once that has ended.
import { say } from "./say.js";
import { serverNow } from "./server_clock.js";

export function runtimeWords(minutes) {
  if (minutes < 60) return say("minutes", { minutes: minutes >= 10 ? minutes - (minutes % 5) : minutes });
  const tens = minutes - (minutes % 10);
  const [hours, rest] = [Math.floor(tens / 60), tens % 60];
  return rest ? say("hours_minutes", { hours, minutes: String(rest).padStart(2, "0") }) : say("hours", { hours });
}

export function countDown() {
  const now = serverNow();
  for (const promise of document.querySelectorAll("[data-lasts]")) {
    const minutes = Math.max(Math.floor((Number(promise.dataset.lasts) - now) / 60000), 0);
    const words = runtimeWords(minutes);
    if (promise.textContent !== words) promise.textContent = words;
  }
  for (const place of document.querySelectorAll("[data-shift-end]")) {
    if (Number(place.dataset.shiftEnd) > now) continue;
    for (const words of place.querySelectorAll(".shift")) words.hidden = true;
  }
}
