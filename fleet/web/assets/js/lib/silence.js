// A card that has not been heard of by its deadline turns to "not heard of" here, in the browser,
// also when the server is gone: a stale value is never shown as a good one.
import { say } from "./say.js";
import { serverNow } from "./server_clock.js";

const SHAPE = "not-heard-of";

export function retireSilent() {
  const now = serverNow();
  let retired = false;
  for (const card of document.querySelectorAll(`.card:not([data-shape="${SHAPE}"])`)) {
    if (Number(card.dataset.until) <= now) {
      retire(card);
      retired = true;
    }
  }
  if (!retired) return;
  countGroups();
  chooseBest();
  choosePicks();
  forgetPromises();
}

function retire(card) {
  card.classList.replace(card.dataset.shape, SHAPE);
  card.dataset.shape = SHAPE;
  card.querySelector("use").setAttribute("href", `#shape-${SHAPE}`);
  part(card, "word").textContent = say("not_heard_of");
  const group = document.querySelector(`#${SHAPE} .cards`) ?? card.parentElement;
  group.append(card);
}

function countGroups() {
  for (const group of document.querySelectorAll(".group")) {
    const count = group.querySelectorAll(".card").length;
    group.hidden = count === 0;
    group.dataset.count = count;
    group.querySelector(".count").textContent = count;
  }
}

// The ward board: the next best card takes the place of one that fell silent.
function chooseBest() {
  const best = document.getElementById("best");
  if (!best || best.hidden || isAlive(best.dataset.card)) return;
  const next = document.querySelector("#take .card");
  if (next) {
    best.dataset.card = part(next, "tag").textContent;
    for (const name of ["tag", "charge", "note", "shift", "place"]) copy(part(next, name), part(best, name));
    copy(next.querySelector("time"), best.querySelector("time"));
    best.querySelector("time").dateTime = next.querySelector("time").dateTime;
  } else {
    best.hidden = true;
    document.getElementById("none").hidden = false;
  }
  document.getElementById("spoken").textContent = next
    ? say("take", { cart: best.dataset.card })
    : document.querySelector("#none h2").textContent;
}

// The hospital board: each ward's own pick.
function choosePicks() {
  for (const pick of document.querySelectorAll(".pick[data-card]")) {
    if (!pick.dataset.card || isAlive(pick.dataset.card)) continue;
    const next = pick.closest(".ward").querySelector('.card[data-shape="take"]');
    pick.dataset.card = next ? part(next, "tag").textContent : "";
    pick.className = next ? "pick take" : "pick none";
    if (next) {
      const tag = document.createElement("b");
      tag.textContent = pick.dataset.card;
      pick.replaceChildren(next.querySelector(".shape").cloneNode(true), tag);
    } else {
      pick.replaceChildren(say("none_to_take"));
    }
  }
}

// What was said of a card that has fallen silent ("ready first: ...") is not said any longer.
function forgetPromises() {
  for (const words of document.querySelectorAll("[data-needs]")) {
    const card = document.getElementById(`card-${words.dataset.needs}`);
    if (card?.dataset.shape === SHAPE) words.hidden = true;
  }
}

const isAlive = (tag) => document.getElementById(`card-${tag}`)?.dataset.shape === "take";
const part = (parent, name) => parent.querySelector(`[data-part="${name}"]`);
const copy = (from, to) => to.replaceChildren(...[...from.childNodes].map((n) => n.cloneNode(true)));
