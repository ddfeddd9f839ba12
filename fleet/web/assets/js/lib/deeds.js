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
    if (button) act({ address: addressOf(button), values: valuesOf(button), ...said(button) }, changed);
  });
  undoButton.addEventListener("click", () => {
    if (undo) act({ address: "/undo", values: { kind: undo.kind, key: undo.key }, words: undoButton.textContent }, changed);
  });
}

// Who taps while another cart becomes the best has read the name of the one before.
function watchBest() {
  const best = document.getElementById("best");
  if (!best) return;
  const watch = new MutationObserver(() => (bestSince = Date.now()));
  watch.observe(best, { attributeFilter: ["data-card"] });
}

// `deed`: { address, values, words, byBadge }.
async function act(deed, changed) {
  if (isBusy || !deed.address) return;
  // Nobody can know whether it was done: so it is not even tried.
  if (document.body.classList.contains("stale")) return tell(say("no_connection"));
  isBusy = true;
  try {
    const answer = await post(deed.address, deed.values);
    if (answer.need) return askFor(answer.need, { ...deed, run: () => act({ ...deed, isRetry: true }, changed) });
    tell(answer.words, answer.undo);
    changed();
  } catch {
    tell(say("no_answer_look"));
  } finally {
    isBusy = false;
  }
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
function holderOf(button) {
  const best = button.closest("#best");
  return best ? document.getElementById(`card-${best.dataset.card}`) : button.closest("[data-device]");
}

function addressOf(button) {
  const device = holderOf(button)?.dataset.device;
  return device && `/carts/${encodeURIComponent(device)}/${button.dataset.deed}`;
}

// What somebody is about to do, for the sheet that asks who they are.
function said(button) {
  const card = holderOf(button)?.querySelector('[data-part="tag"]') ?? document.querySelector("h1").firstChild;
  const word = button.firstChild.textContent.trim();
  return { words: `${word}: ${card.textContent.trim()}`, byBadge: button.dataset.deed === "ring" };
}

const valuesOf = (button) => (button.dataset.reason ? { reason: button.dataset.reason } : {});
