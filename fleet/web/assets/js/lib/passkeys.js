// Passkeys: a form that asks the service what is to be signed, has the browser sign it, and sends
// the answer as it sends any form. Only where the browser can, at the address that they belong to.
export function startPasskeys() {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (window.PublicKeyCredential && location.origin === form.dataset.at) start(form);
  }
  for (const elsewhere of document.querySelectorAll("[data-passkey-elsewhere]")) {
    elsewhere.hidden = location.origin === elsewhere.dataset.passkeyElsewhere;
  }
}

function start(form) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem(form, "");
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      form.elements.credential.value = JSON.stringify(await answer(form));
      form.submit();
    } catch (error) {
      problem(form, error.words ?? form.dataset.failed);
      button.disabled = false;
    }
  });
}

async function answer(form) {
  const body = new URLSearchParams(new FormData(form));
  const said = await fetch(form.dataset.options, { method: "POST", body });
  const isJson = said.headers.get("Content-Type")?.startsWith("application/json");
  if (!isJson) return location.reload(); // nobody is signed in any more, or the page is too old
  const options = await said.json();
  if (!said.ok) throw Object.assign(new Error(), { words: options.problem });
  return form.dataset.passkey === "add" ? made(options) : signed(options);
}

async function made(options) {
  const { user, excludeCredentials, challenge } = options;
  const credential = await navigator.credentials.create({
    publicKey: {
      ...options,
      challenge: bytes(challenge),
      user: { ...user, id: bytes(user.id) },
      excludeCredentials: excludeCredentials.map(named),
    },
  });
  const { clientDataJSON, attestationObject } = credential.response;
  return whole(credential, { clientDataJSON, attestationObject });
}

async function signed(options) {
  const { allowCredentials, challenge } = options;
  const credential = await navigator.credentials.get({
    publicKey: { ...options, challenge: bytes(challenge), allowCredentials: allowCredentials.map(named) },
  });
  const { clientDataJSON, authenticatorData, signature, userHandle } = credential.response;
  return whole(credential, { clientDataJSON, authenticatorData, signature, userHandle });
}

const named = (credential) => ({ ...credential, id: bytes(credential.id) });

function whole({ id, rawId, type }, response) {
  const parts = Object.entries(response).filter(([, part]) => part);
  return { id, rawId: text(rawId), type, response: Object.fromEntries(parts.map(([name, part]) => [name, text(part)])) };
}

function problem(form, words) {
  const said = form.querySelector("[data-problem]");
  said.textContent = words;
  said.hidden = !words;
}

// Base 64 as in addresses, without padding: how JSON has bytes (WebAuthn Level 3, 3).
const bytes = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));

function text(buffer) {
  const whole = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return whole.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
