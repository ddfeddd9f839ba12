// The API's page: each form sends its operation and shows the answer as it came.
const SHOWN = ["ETag", "Link", "Location", "WWW-Authenticate", "Allow"];

document.querySelector(".api").addEventListener("submit", (event) => {
  event.preventDefault();
  send(event.target);
});
openNamed();
addEventListener("hashchange", openNamed);

async function send(form) {
  const answer = form.querySelector(".answer");
  answer.hidden = false;
  answer.textContent = "…";
  const address = addressOf(form);
  try {
    const response = await fetch(address, requestOf(form));
    const lines = SHOWN.filter((name) => response.headers.has(name)).map(
      (name) => `${name}: ${response.headers.get(name)}`,
    );
    lines.unshift(`${form.dataset.method} ${address}`, `${response.status} ${response.statusText}`);
    answer.textContent = `${lines.join("\n")}\n\n${pretty(await response.text())}`;
  } catch (error) {
    answer.textContent = `${form.dataset.method} ${address}\nNo answer: ${error.message}`;
  }
}

function addressOf(form) {
  const query = new URLSearchParams();
  let path = form.dataset.path;
  for (const field of filled(form)) {
    if (field.dataset.in === "query") query.set(field.name, field.value);
    if (field.dataset.in === "path") {
      path = path.replace(`{${field.name}}`, encodeURIComponent(field.value));
    }
  }
  return query.size ? `${path}?${query}` : path;
}

// A token is proof enough. Without one the cookie goes along, and then the page's own word too.
function requestOf(form) {
  const headers = new Headers();
  const token = document.getElementById("token").value.trim();
  if (token) headers.set("Authorization", `Bearer ${token}`);
  else if (document.body.dataset.csrf) headers.set("X-CSRFToken", document.body.dataset.csrf);
  for (const field of filled(form)) {
    if (field.dataset.in === "header") headers.set(field.name, field.value);
  }
  const body = form.elements.body?.value;
  if (body !== undefined) headers.set("Content-Type", "application/json");
  return { method: form.dataset.method, headers, body, cache: "no-store" };
}

const filled = (form) => [...form.querySelectorAll("[data-in]")].filter((field) => field.value);

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function openNamed() {
  const named = document.getElementById(location.hash.slice(1));
  if (named instanceof HTMLDetailsElement) named.open = true;
}
