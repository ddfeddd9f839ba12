// What is done by one tap: at once, told in one line, and taken back within ten seconds.
import { askFor, post } from "./badge.js";
import { say } from "./say.js";

const WORDS_FOR_MS = 6000;
const A_GLANCE_MS = 700;
const toast = document.getElementById("toast");
const undoButton = toast.querySelector("[data-undo]");
let hideTimer;
let undo = null;
let isBusy = false;
let bestSince = 0;

export function startDeeds(changed) {
  watchBest();
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-deed]");
    if (button?.closest("#best") && Date.now() - bestSince < A_GLANCE_MS) return tell(say("just_changed"));
    if (button) act(addressOf(button), valuesOf(button), button.dataset.deed, changed);
  });
  undoButton.addEventListener("click", () => {
    if (undo) act("/undo", { kind: undo.kind, key: undo.key }, "undo", changed);
  });
}

// Who taps while another cart becomes the best has read the name of the one before.
function watchBest() {
  const best = document.getElementById("best");
  if (!best) return;
  const watch = new MutationObserver(() => (bestSince = Date.now()));
  watch.observe(best, { attributeFilter: ["data-card"] });
}

async function act(address, values, deed, changed) {
  if (isBusy || !address) return;
  // Nobody can know whether it was done: so it is not even tried.
  if (document.body.classList.contains("stale")) return tell(say("no_connection"));
  isBusy = true;
  try {
    const said = await post(address, values);
    if (said.need) return ask(said.need, () => act(address, values, deed, changed), deed);
    tell(said.words, said.undo);
    changed();
  } catch {
    tell(say("no_answer_look"));
  } finally {
    isBusy = false;
  }
}

function ask(need, again, deed) {
  const then = () => again();
  if (deed === "ring") then.need = "badge-only";
  askFor(need, then);
}

function tell(words, canUndo = null) {
  clearTimeout(hideTimer);
  undo = canUndo;
  toast.querySelector('[data-part="words"]').textContent = words;
  undoButton.hidden = !canUndo;
  toast.hidden = false;
  hideTimer = setTimeout(() => {
    toast.hidden = true;
    undo = null;
  }, canUndo?.ms ?? WORDS_FOR_MS);
}

// The button beside the best cart means whichever is the best when it is tapped.
function addressOf(button) {
  const best = button.closest("#best");
  const holder = best ? document.getElementById(`card-${best.dataset.card}`) : button.closest("[data-device]");
  const device = holder?.dataset.device;
  return device && `/carts/${encodeURIComponent(device)}/${button.dataset.deed}`;
}

const valuesOf = (button) => (button.dataset.reason ? { reason: button.dataset.reason } : {});
