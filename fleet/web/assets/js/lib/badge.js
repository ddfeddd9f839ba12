// Who stands before this screen. A reader types the badge's id and Enter, wherever the focus is;
// a PIN follows for what changes something. After a while without a touch nothing of it is left.
import { say } from "./say.js";

const RESET_MS = 1500;
const PING_EVERY_MS = 5000;
const SHORTEST = 4;
const LONGEST_PIN = 6;
const ALONE_MS = 30000;

const sheet = document.getElementById("badge");
const person = document.getElementById("person");
const steps = { badge: sheet.querySelector('[data-step="badge"]'), pin: sheet.querySelector('[data-step="pin"]') };
const csrf = document.querySelector('meta[name="csrf-token"]').content;
let typed = "";
let lastKeyAt = 0;
let pin = "";
let afterwards = null;
let idleMs = 0;
let idleTimer;
let aloneTimer;
let pingedAt = 0;

export async function post(address, values = {}) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "X-CSRFToken": csrf },
    body: new URLSearchParams(values),
    signal: AbortSignal.timeout(10000),
  });
  const isJson = answer.headers.get("Content-Type")?.startsWith("application/json");
  const said = isJson ? await answer.json() : { words: answer.ok ? "" : say("refused") };
  return { ok: answer.ok, status: answer.status, ...said };
}

// What was wanted is done once they have shown who they are. `wanted`: { words, run, byBadge }, what
// it is in words, how it is done, and whether a badge alone will do.
export function askFor(need, wanted) {
  afterwards = wanted;
  // The badge was held to the reader while the answer was on its way.
  const isHere = need === "badge" && !person.hidden && !wanted.isRetry;
  if (need === "login") location.assign(document.body.dataset.login);
  else if (isHere && wanted.byBadge) finish();
  else if (isHere) show("pin");
  else show(need);
}

export function startBadge() {
  addEventListener("keydown", hear, true);
  for (const kind of ["pointerdown", "keydown"]) addEventListener(kind, stayAwake);
  sheet.addEventListener("click", press);
  sheet.addEventListener("close", () => reset());
  sheet.addEventListener("submit", (event) => event.preventDefault());
  document.querySelector("[data-sign-off]").addEventListener("click", () => leave());
  if (!person.hidden) greet(part(person, "name").textContent, Number(person.dataset.idleMs));
  // A page from the browser's memory may be of somebody who left long ago.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
}

function show(step) {
  for (const [name, form] of Object.entries(steps)) form.hidden = name !== step;
  for (const place of sheet.querySelectorAll('[data-part="pending"]')) place.textContent = afterwards?.words ?? "";
  sheet.setAttribute("aria-label", say(step === "pin" ? "your_pin" : "your_badge"));
  if (!sheet.open) sheet.showModal();
  waitAlone();
  problem("");
  setPin("");
  if (step === "badge") part(steps.badge, "typed").focus();
  else steps.pin.focus(); // on no digit, which Enter would press
}

// Who taps and walks off leaves nothing behind for the next who shows a badge.
function waitAlone() {
  clearTimeout(aloneTimer);
  aloneTimer = setTimeout(() => sheet.close(), ALONE_MS);
}

// Keys come in a burst from a reader; a person has the same way, slowly.
function hear(event) {
  if (!document.body.dataset.screen || event.ctrlKey || event.metaKey || event.altKey) return;
  const inField = event.target.matches?.("input:not([data-part=typed]), select, textarea");
  if (inField) return;
  const now = Date.now();
  if (now - lastKeyAt > RESET_MS && event.target.dataset?.part !== "typed") typed = "";
  lastKeyAt = now;
  if (event.key === "Enter") return enter(event);
  if (event.key === "Backspace") {
    typed = typed.slice(0, -1);
    if (isPinStep()) setPin(pin.slice(0, -1));
  } else if (event.key.length === 1 && event.key !== " ") {
    typed += event.key;
    if (isPinStep() && /[0-9]/.test(event.key)) setPin(pin + event.key);
  }
}

function enter(event) {
  const field = part(steps.badge, "typed");
  // The sheet may have opened in the middle of a badge: then its field has only the end of it.
  const given = field.value.length > typed.length ? field.value : typed;
  typed = "";
  const isBadge = isPinStep() ? given.length > LONGEST_PIN : given.length >= SHORTEST;
  if (isBadge) {
    event.preventDefault();
    event.stopPropagation();
    field.value = "";
    setPin("");
    showBadge(given).catch(away);
  } else if (isPinStep() && pin && !event.target.matches("button")) {
    event.preventDefault();
    sendPin().catch(away);
  }
}

async function showBadge(id) {
  const said = await post("/badge", { badge: id });
  if (!said.ok) {
    show("badge");
    return problem(said.words);
  }
  greet(said.name, said.idle_ms);
  if (afterwards?.byBadge) return finish();
  if (!said.has_pin) {
    show("badge");
    return problem(say("no_pin"));
  }
  show("pin");
}

async function sendPin() {
  const said = await post("/badge/pin", { pin });
  setPin("");
  if (!said.ok) {
    if (said.need === "badge") show("badge");
    return problem(said.words);
  }
  greet(said.name, said.idle_ms);
  finish();
}

function finish() {
  const wanted = afterwards;
  sheet.close();
  wanted?.run();
}

function press(event) {
  if (event.target.closest("[data-close]")) return sheet.close();
  const digit = event.target.closest("[data-digit]")?.dataset.digit;
  if (!digit) return;
  problem("");
  if (digit === "enter") sendPin().catch(away);
  else setPin(digit === "back" ? pin.slice(0, -1) : pin + digit);
}

function setPin(digits) {
  pin = digits.slice(0, LONGEST_PIN);
  part(steps.pin, "dots").textContent = "●".repeat(pin.length) || " ";
  part(steps.pin, "count").textContent = pin ? say("digits", { n: pin.length }) : "";
}

function greet(name, ms) {
  part(person, "name").textContent = name;
  for (const place of sheet.querySelectorAll('[data-part="name"]')) place.textContent = name;
  person.hidden = false;
  idleMs = ms;
  startIdle(ms);
}

function startIdle(ms) {
  clearTimeout(idleTimer);
  idleTimer = setTimeout(leave, ms);
}

// The service moves its own deadline on when told of a touch, never by the page's asking.
function stayAwake() {
  if (sheet.open) waitAlone();
  if (person.hidden || !idleMs) return;
  startIdle(idleMs);
  if (Date.now() - pingedAt < Math.min(PING_EVERY_MS, idleMs / 4)) return;
  pingedAt = Date.now();
  post("/badge/touch").then((said) => said.status === 401 && leave(), () => {});
}

function leave() {
  clearTimeout(idleTimer);
  person.hidden = true;
  part(person, "name").textContent = "";
  const onward = () => location.replace(document.body.dataset.home ?? location.pathname);
  post("/badge/off").then(onward, onward);
}

function reset() {
  afterwards = null;
  part(steps.badge, "typed").value = "";
  setPin("");
  problem("");
}

const away = () => problem(say("no_answer"));
const isPinStep = () => sheet.open && !steps.pin.hidden;
const part = (parent, name) => parent.querySelector(`[data-part="${name}"]`);

function problem(words) {
  const form = steps.pin.hidden ? steps.badge : steps.pin;
  for (const each of Object.values(steps)) part(each, "problem").textContent = each === form ? words : "";
}
