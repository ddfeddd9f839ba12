// Every age on the page counts on by itself, in the words of fleet/web/words.py.
import { serverNow } from "./server_clock.js";

export function ageWords(sinceMs, now = serverNow()) {
  const seconds = Math.max(Math.floor((now - sinceMs) / 1000), 0);
  if (seconds < 100) return `${seconds} s ago`;
  if (seconds < 100 * 60) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} days ago`;
}

export function showAges() {
  const now = serverNow();
  for (const time of document.querySelectorAll("time[data-age]")) {
    const words = ageWords(Date.parse(time.dateTime), now);
    if (time.textContent !== words) time.textContent = words;
  }
}
