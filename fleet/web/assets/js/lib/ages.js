// Every age on the page counts on by itself, in the words of fleet/web/words.py.
import { say } from "./say.js";
import { serverNow } from "./server_clock.js";

export function ageWords(sinceMs, now = serverNow()) {
  const seconds = Math.max(Math.floor((now - sinceMs) / 1000), 0);
  if (seconds < 100) return say("seconds_ago", { n: seconds });
  if (seconds < 100 * 60) return say("minutes_ago", { n: Math.floor(seconds / 60) });
  if (seconds < 48 * 3600) return say("hours_ago", { n: Math.floor(seconds / 3600) });
  return say("days_ago", { n: Math.floor(seconds / 86400) });
}

export function showAges() {
  const now = serverNow();
  for (const time of document.querySelectorAll("time[data-age]")) {
    const words = ageWords(Date.parse(time.dateTime), now);
    if (time.textContent !== words) time.textContent = words;
  }
}
