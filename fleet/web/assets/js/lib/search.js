// The search for everything: "/" focuses it, what fits follows the typing, arrows choose, Enter
// goes there. Enter with nothing chosen leads to the page of all that was found, as without us.
const WAIT_MS = 120;

export function startSearch(form) {
  const box = form.querySelector("input");
  const list = form.querySelector("[role=listbox]");
  const said = form.querySelector("[data-search-said]");
  let asked = 0;
  let waiting;
  let chosen = -1;

  const options = () => [...list.children];
  const close = () => {
    asked += 1; // an answer that is on its way comes too late
    clearTimeout(waiting);
    list.hidden = true;
    choose(-1);
    box.setAttribute("aria-expanded", "false");
  };
  const choose = (place) => {
    chosen = place;
    for (const [at, option] of options().entries()) {
      option.setAttribute("aria-selected", String(at === place));
      if (at === place) option.scrollIntoView({ block: "nearest" });
    }
    if (place < 0) box.removeAttribute("aria-activedescendant");
    else box.setAttribute("aria-activedescendant", options()[place].id);
  };
  const show = (links) => {
    list.replaceChildren(...links.map(option));
    list.hidden = links.length === 0;
    box.setAttribute("aria-expanded", String(links.length > 0));
    said.textContent = links.length ? `${links.length} found` : "Nothing found";
    choose(-1);
  };
  const find = async () => {
    const turn = ++asked;
    if (!box.value.trim()) return close();
    const words = new URLSearchParams({ q: box.value });
    const answer = await fetch(`${form.action}?${words}`, { headers: { Accept: "text/html" } });
    if (!answer.ok || answer.redirected || turn !== asked) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (turn === asked) show([...page.querySelectorAll("a[data-hit]")]);
  };
  const move = (step) => {
    const count = options().length;
    if (!list.hidden && count) choose((chosen + step + count + (chosen < 0 && step < 0 ? 1 : 0)) % count);
  };

  box.setAttribute("role", "combobox");
  box.setAttribute("aria-autocomplete", "list");
  box.setAttribute("aria-controls", list.id);
  box.setAttribute("aria-expanded", "false");
  box.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => find().catch(close), WAIT_MS);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    } else if (event.key === "Enter" && chosen >= 0) {
      event.preventDefault();
      location.assign(options()[chosen].dataset.href);
    }
  });
  // Pressed, not clicked: by the time of the click the list has gone with the focus.
  list.addEventListener("mousedown", (event) => {
    const option = event.target.closest("[data-href]");
    if (option) location.assign(option.dataset.href);
    event.preventDefault();
  });
  box.addEventListener("blur", close);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    event.preventDefault();
    box.focus();
    box.select();
  });
}

function option(link, place) {
  const found = document.createElement("li");
  found.id = `everything-${place}`;
  found.setAttribute("role", "option");
  found.dataset.href = link.getAttribute("href");
  const name = document.createElement("b");
  name.textContent = link.textContent;
  const what = document.createElement("span");
  what.textContent = link.nextElementSibling?.textContent ?? "";
  found.append(name, " ", what);
  return found;
}
