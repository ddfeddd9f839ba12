// The service worker of the boards: keeps the last picture of each, for when the server or the
// network is gone. A picture is kept with everything its page needs, and with the time at which it
// was last known to be true; lib/kept.js says so on the page. What belongs to a person's session
// comes marked `no-store` and is not kept. The console and the API are none of its business.
const BOARDS = "boards";
const FILES = "files";
const NO_PICTURE = "/offline";
const MOST_BOARDS = 30;
const RENEW_EVERY_MS = 10000;
const PATIENCE_MS = 5000;
const GONE = [502, 503, 504];
const BOARD = /^\/(wards\/[^/]+)?$/;
const PICTURE = /^\/(wards\/[^/]+\/)?board$/;

// Forgotten whenever the browser stops the worker, and then found out anew.
const renewed = new Map();
const pagesKept = new Set();

addEventListener("install", (event) => {
  skipWaiting(); // a screen on the wall is never closed: the next worker must not wait for that
  event.waitUntil(keepNoPicture());
});
addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate" && BOARD.test(pathname)) event.respondWith(board(event));
  else if (PICTURE.test(pathname)) event.respondWith(picture(event));
  else if (pathname.startsWith("/static/")) event.respondWith(file(request));
});

async function board(event) {
  try {
    const answer = await fetch(event.request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (GONE.includes(answer.status)) throw new Error(`status ${answer.status}`);
    if (mayKeep(answer)) event.waitUntil(keepBoard(event.request.url, answer.clone()));
    return answer;
  } catch {
    return (await kept(event.request.url)) ?? caches.match(NO_PICTURE);
  }
}

// The page asks for its picture each second. The first time it does so through us, the page
// itself came before us, and is kept now.
async function picture(event) {
  const answer = await fetch(event.request);
  if (mayKeep(answer)) event.waitUntil(keepPicture(event.request.url, answer.clone()));
  if (answer.status === 304) event.waitUntil(renew(event.request.url, answer));
  event.waitUntil(keepPageOf(event.clientId));
  return answer;
}

async function file(request) {
  const isForEver = new URL(request.url).pathname.startsWith("/static/dist/");
  const found = await caches.match(request);
  if (found && isForEver) return found;
  return fetch(request).catch((error) => found ?? Promise.reject(error));
}

const mayKeep = (answer) =>
  answer.status === 200 &&
  !answer.redirected &&
  !/no-store/.test(answer.headers.get("Cache-Control") ?? "");

async function keepBoard(url, answer) {
  const html = await answer.text();
  await keepFiles(html);
  await keepNoPicture(answer.headers.get("Content-Language"));
  const boards = await caches.open(BOARDS);
  await boards.put(url, stamped(html, answer.headers));
  await boards.put(addressOfPicture(html), stamped(pictureIn(html), answer.headers));
  await tidy(boards);
}

async function keepPicture(url, answer) {
  const boards = await caches.open(BOARDS);
  await boards.put(url, stamped(await answer.text(), answer.headers));
}

// The picture that is kept is still true: of it alone, not of one that came marked `no-store`.
async function renew(url, answer) {
  if (Date.now() - (renewed.get(url) ?? 0) < RENEW_EVERY_MS) return;
  renewed.set(url, Date.now());
  const boards = await caches.open(BOARDS);
  const last = await boards.match(url);
  if (!last || last.headers.get("ETag") !== answer.headers.get("ETag")) return;
  const headers = new Headers(last.headers);
  headers.set("X-Now", answer.headers.get("X-Now"));
  await boards.put(url, stamped(await last.text(), headers));
}

async function keepPageOf(clientId) {
  const page = await clients.get(clientId);
  const url = page?.url.split("#")[0];
  if (!url || pagesKept.has(url) || !BOARD.test(new URL(url).pathname)) return;
  pagesKept.add(url);
  if (await (await caches.open(BOARDS)).match(url)) return;
  const answer = await fetch(url, { headers: { Accept: "text/html" } });
  if (mayKeep(answer)) await keepBoard(url, answer);
}

// In the language of the boards, also after that was changed.
async function keepNoPicture(language) {
  const last = await caches.match(NO_PICTURE);
  if (last && last.headers.get("Content-Language") === language) return;
  const answer = await fetch(NO_PICTURE);
  if (!answer.ok) throw new Error(`${NO_PICTURE}: ${answer.status}`);
  await keepFiles(await answer.clone().text());
  await (await caches.open(FILES)).put(NO_PICTURE, stamped(await answer.text(), answer.headers));
}

async function keepFiles(html) {
  const files = await caches.open(FILES);
  const missing = [];
  for (const name of filesOf(html)) if (!(await files.match(name))) missing.push(name);
  await files.addAll(missing);
}

// The page as it was, with the newest picture of it, and when that was last true.
async function kept(url) {
  const boards = await caches.open(BOARDS);
  const page = await boards.match(url);
  if (!page) return undefined;
  const html = await page.clone().text();
  const last = await boards.match(addressOfPicture(html));
  const fits = last?.headers.get("X-Build") === page.headers.get("X-Build");
  const { headers } = fits ? last : page;
  const [before, after] = html.split(pictureIn(html));
  const shown = fits ? await last.text() : pictureIn(html);
  const when = `data-kept-at="${headers.get("X-Kept-At")}" data-heard="${headers.get("X-Now")}"`;
  const text = before.replace("<body ", `<body ${when} `) + shown + after;
  return new Response(text, { headers: page.headers });
}

function stamped(text, from) {
  const headers = new Headers(from);
  for (const name of ["Content-Length", "Content-Encoding", "Vary"]) headers.delete(name);
  headers.set("X-Kept-At", Date.now());
  return new Response(text, { headers });
}

const filesOf = (html) => [...html.matchAll(/(?:src|href)="(\/static\/[^"]+)"/g)].map((m) => m[1]);
const pictureIn = (html) => html.match(/<main[^]*<\/main>/)[0];
const addressOfPicture = (html) => html.match(/ data-url="([^"]+)"/)[1].replaceAll("&amp;", "&");

// No more boards than somebody walks past, and no file that none of them needs.
async function tidy(boards) {
  const pages = [];
  for (const request of await boards.keys()) {
    if (!BOARD.test(new URL(request.url).pathname)) continue;
    const page = await boards.match(request);
    pages.push({ request, at: Number(page.headers.get("X-Kept-At")), html: await page.text() });
  }
  pages.sort((one, other) => other.at - one.at);
  for (const { request, html } of pages.splice(MOST_BOARDS)) {
    await boards.delete(request);
    await boards.delete(addressOfPicture(html));
  }
  const files = await caches.open(FILES);
  const empty = await (await files.match(NO_PICTURE)).text();
  const needed = new Set([NO_PICTURE, ...filesOf(empty), ...pages.flatMap((page) => filesOf(page.html))]);
  for (const request of await files.keys()) {
    if (!needed.has(new URL(request.url).pathname)) await files.delete(request);
  }
}
