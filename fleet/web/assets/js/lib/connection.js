// Says plainly when what is shown is old: a banner, its age, a board in grey, and nothing on it
// that could be done.
import { ageWords } from "./ages.js";
import { language, say } from "./say.js";
import { serverNow } from "./server_clock.js";

const lost = document.getElementById("lost");
const live = document.getElementById("live");
const A_DAY_MS = 20 * 3600 * 1000;
let trueAt = serverNow();
let isLost = false;

export function heard() {
  trueAt = serverNow();
  isLost = false;
}

export function failed() {
  isLost = true;
}

// The page itself is old: the server was heard last at `ms` of its own clock.
export function heardLast(ms) {
  trueAt = ms;
  isLost = true;
}

export function showConnection(timezone) {
  document.body.classList.toggle("stale", isLost);
  lost.hidden = !isLost;
  closeActions();
  write(live, isLost ? "" : say("as_of", { time: clockTime(trueAt, timezone) }));
  if (!isLost) return;
  // Only what changes is written: a screen reader hears the banner once, not every second.
  write(lost.querySelector('[data-part="asof"]'), say("shown_as_of", { time: clockTime(trueAt, timezone) }));
  write(lost.querySelector('[data-part="age"]'), `(${ageWords(trueAt)})`);
}

// Whatever changes something needs the server: forms, and buttons but those of the page itself.
function closeActions() {
  for (const action of document.querySelectorAll("main :is(button, input, select), [data-undo]")) {
    if (isLost && !action.disabled) {
      action.disabled = true;
      action.dataset.closed = "";
    } else if (!isLost && "closed" in action.dataset) {
      action.disabled = false;
      delete action.dataset.closed;
    }
  }
}

function refuse(event) {
  if (!isLost) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}

addEventListener("submit", refuse, { capture: true });

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function clockTime(ms, timeZone) {
  const day = serverNow() - ms > A_DAY_MS ? { dateStyle: "medium" } : {};
  const form = { ...day, timeStyle: "medium", hourCycle: "h23", timeZone };
  return new Intl.DateTimeFormat(language, form).format(ms);
}
