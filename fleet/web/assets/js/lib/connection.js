// Says plainly when what is shown is old: a banner, its age, and a board in grey.
import { ageWords } from "./ages.js";
import { language, say } from "./say.js";
import { serverNow } from "./server_clock.js";

const lost = document.getElementById("lost");
const live = document.getElementById("live");
let trueAt = serverNow();
let isLost = false;

export function heard() {
  trueAt = serverNow();
  isLost = false;
}

export function failed() {
  isLost = true;
}

export function showConnection(timezone) {
  document.body.classList.toggle("stale", isLost);
  lost.hidden = !isLost;
  write(live, isLost ? "" : say("as_of", { time: clockTime(trueAt, timezone) }));
  if (!isLost) return;
  // Only what changes is written: a screen reader hears the banner once, not every second.
  write(lost.querySelector('[data-part="asof"]'), say("shown_as_of", { time: clockTime(trueAt, timezone) }));
  write(lost.querySelector('[data-part="age"]'), `(${ageWords(trueAt)})`);
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function clockTime(ms, timeZone) {
  return new Intl.DateTimeFormat(language, { timeStyle: "medium", hourCycle: "h23", timeZone }).format(ms);
}
