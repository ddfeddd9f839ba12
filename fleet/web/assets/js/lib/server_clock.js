// The server's time on this screen: a phone whose clock is wrong still shows right ages.
let offset = 0;

export function noteServerTime(serverMs, sentAt = Date.now()) {
  // Half of the way there and back is how long the answer took.
  offset = serverMs - (sentAt + Date.now()) / 2;
}

// The server is out of reach: at `ownMs` of this screen's clock it said `serverMs`.
export function trustOwnClock(serverMs, ownMs) {
  offset = serverMs - ownMs;
}

export const serverNow = () => Date.now() + offset;
