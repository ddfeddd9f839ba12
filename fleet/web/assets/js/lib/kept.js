// A page that the service worker kept says of itself when it was last true; the ages are counted
// from then on, by this screen's own clock.
import { heardLast } from "./connection.js";
import { trustOwnClock } from "./server_clock.js";

export const isKept = () => "keptAt" in document.body.dataset;

export function showKept() {
  const { keptAt, heard } = document.body.dataset;
  trustOwnClock(Number(heard), Number(keptAt));
  heardLast(Number(heard));
  // A clock that was put back tells no age: then nothing is as it is shown.
  if (Date.now() >= Number(keptAt)) return;
  for (const card of document.querySelectorAll('.card:not([data-until="never"])')) card.dataset.until = 0;
}

export function keepPictures() {
  // Without it (no HTTPS, a private window) the board works as long as its server does.
  navigator.serviceWorker?.register("/sw.js").catch(() => {});
}
