// The board follows the fleet by itself: it asks each second whether anything has changed, and
// morphs the page where it has, so that scroll and focus stay where they are.
import { Idiomorph } from "idiomorph";
import { showAges } from "./lib/ages.js";
import { startBadge } from "./lib/badge.js";
import { failed, heard, showConnection } from "./lib/connection.js";
import { startDeeds } from "./lib/deeds.js";
import { closeMenus } from "./lib/menus.js";
import { isKept, keepPictures, showKept } from "./lib/kept.js";
import { countDown } from "./lib/promises.js";
import { noteServerTime } from "./lib/server_clock.js";
import { retireSilent } from "./lib/silence.js";
import { startThemeSwitch } from "./lib/theme_switch.js";

const POLL_MS = 1000;
const HIDDEN_POLL_MS = 15000;
const TIMEOUT_MS = 3000;
const RELOAD_AT_MOST_EVERY_MS = 60000;

const board = () => document.querySelector("[data-board]");
let etag = board().dataset.etag;
let timer;

async function poll() {
  clearTimeout(timer);
  try {
    await ask();
    heard();
  } catch {
    failed();
  }
  tick();
  timer = setTimeout(poll, document.hidden ? HIDDEN_POLL_MS : POLL_MS);
}

async function ask() {
  const sentAt = Date.now();
  const answer = await fetch(board().dataset.url, {
    cache: "no-store",
    headers: { "If-None-Match": `"${etag}"` },
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok && answer.status !== 304) throw new Error(`status ${answer.status}`);
  noteServerTime(Number(answer.headers.get("X-Now")), sentAt);
  if (answer.headers.get("X-Build") !== document.body.dataset.build) reloadSoon();
  if (answer.status === 304) return;
  const html = await answer.text();
  Idiomorph.morph(board(), html, { morphStyle: "outerHTML" });
  etag = board().dataset.etag;
}

// The service was updated: a screen on the wall has nobody to press reload.
function reloadSoon() {
  const last = Number(sessionStorage.getItem("reloaded") ?? 0);
  if (Date.now() - last < RELOAD_AT_MOST_EVERY_MS) return;
  sessionStorage.setItem("reloaded", Date.now());
  location.reload();
}

function tick() {
  showAges();
  countDown();
  retireSilent();
  showConnection(board().dataset.timezone);
}

if (isKept()) {
  showKept();
} else {
  noteServerTime(Number(board().dataset.now));
  heard();
}
startThemeSwitch();
closeMenus();
startBadge();
startDeeds(poll);
tick();
setInterval(tick, 1000);
timer = setTimeout(poll, isKept() ? 0 : POLL_MS);
keepPictures();
document.addEventListener("visibilitychange", () => document.hidden || poll());
addEventListener("pageshow", (event) => event.persisted && poll());
addEventListener("online", () => poll());
