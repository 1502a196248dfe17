// What happens now: one stream of events for the page, and an honest word about how old it is.

import { get, signIn } from "./api.js";
import { say } from "./dom.js";
import { timeText } from "./format.js";

const SILENT_MS = 12_000; // the gateway speaks every five seconds at least
const LOOK_MS = 1_000;
const BACK_OFF_MS = [1_000, 2_000, 4_000, 8_000, 15_000];
const NAMES = ["overview", "positions", "orders", "signals", "latches", "approvals", "alerts", "health"];

const SHARED = "interlock-live";

const takers = new Map(NAMES.map((name) => [name, []]));
const latest = new Map();
const watchers = [];
const now = { source: null, heardMs: 0, startedMs: 0, tries: 0, fresh: null, retry: 0, leads: false, stealMs: 0 };

// A browser opens six connections to one server and no more, so the windows of one browser share a
// stream: whichever holds the lock listens, and tells the others.
const channel = "BroadcastChannel" in window ? new BroadcastChannel(SHARED) : null;

/** Calls `take` with the whole of a thing whenever it changed, and with what is known already. */
export function on(name, take) {
  takers.get(name).push(take);
  if (latest.has(name)) take(latest.get(name));
}

/** Calls `watch(fresh, heardMs)` when the page turns stale, and when it is live again. */
export function onFreshness(watch) {
  watchers.push(watch);
  if (now.fresh !== null) watch(now.fresh, now.heardMs);
}

function heard() {
  now.heardMs = Date.now();
  now.tries = 0;
  judge();
}

function judge() {
  const broken = now.leads && (now.source === null || now.source.readyState === EventSource.CLOSED);
  const silentMs = Date.now() - (now.heardMs || now.startedMs);
  const fresh = now.heardMs > 0 && silentMs < SILENT_MS && !broken;
  if (!now.leads && silentMs > 2 * SILENT_MS && Date.now() > now.stealMs && document.visibilityState === "visible") {
    now.stealMs = Date.now() + 2 * SILENT_MS;
    lead(true);
  }
  if (fresh === now.fresh || (now.heardMs === 0 && silentMs < SILENT_MS && now.tries === 0)) return;
  now.fresh = fresh;
  document.body.classList.toggle("stale", !fresh);
  watchers.forEach((watch) => watch(fresh, now.heardMs));
}

function take(name, said) {
  heard();
  latest.set(name, said);
  takers.get(name).forEach((one) => one(said));
}

function open() {
  const source = new EventSource("/api/events");
  const pulse = () => { heard(); channel?.postMessage({ pulse: true }); };
  now.source = source;
  source.addEventListener("open", pulse);
  source.addEventListener("ping", pulse);
  source.addEventListener("end", () => { source.close(); again(); });
  for (const name of NAMES) {
    source.addEventListener(name, (event) => {
      if (!event.data) return;
      const said = JSON.parse(event.data);
      take(name, said);
      channel?.postMessage({ name, said });
    });
  }
  // The browser would try again by itself every few seconds, for ever and in step with others.
  source.onerror = () => { source.close(); again(); };
}

function again() {
  if (now.retry || !now.leads) return;
  const pause = BACK_OFF_MS[Math.min(now.tries, BACK_OFF_MS.length - 1)];
  now.tries += 1;
  judge();
  now.retry = setTimeout(async () => {
    now.retry = 0;
    if (!now.leads) return;
    try {
      await get("/api/session", { background: true });
      open();
    } catch (refused) {
      if (refused.status === 401) signIn();
      else again();
    }
  }, pause * (0.75 + Math.random() / 2));
}

/** Listens for all windows as soon as nobody else does; `steal` takes over from one that hangs. */
function lead(steal = false) {
  const begin = () => {
    if (now.leads) return;
    now.leads = true;
    open();
  };
  if (!navigator.locks || !channel) {
    begin();
    return;
  }
  navigator.locks.request(SHARED, { steal }, () => { begin(); return new Promise(() => {}); }).catch(() => {
    now.leads = false; // another window took over
    now.source?.close();
    lead();
  });
}

function follows(message) {
  const { name, said, pulse, hello } = message.data;
  if (hello && now.leads) latest.forEach((what, of) => channel.postMessage({ name: of, said: what }));
  else if (now.leads) return;
  else if (pulse) heard();
  else if (takers.has(name)) take(name, said);
}

/** Starts listening; whoever came back to a page that slept looks at once. */
export function start() {
  now.startedMs = Date.now();
  if (channel) channel.onmessage = follows;
  lead();
  channel?.postMessage({ hello: true });
  setInterval(judge, LOOK_MS);
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") judge();
  });
  window.addEventListener("pagehide", () => now.source?.close());
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
}

/** Shows beside the menu whether the page is live. */
export function showFreshness(place) {
  onFreshness((fresh, heardMs) => {
    place.dataset.fresh = fresh ? "yes" : "no";
    say(place.querySelector("span"), fresh ? "Live" : heardMs ? `Stale since ${timeText(heardMs)}` : "Not connected");
  });
}

/**
 * Keeps one thing of the page true: fetches it, then follows the stream. `draw` gets the whole.
 * What cannot be had is said by `fail`.
 */
export async function follow(name, path, draw, fail) {
  on(name, draw);
  try {
    draw(await get(path));
  } catch (refused) {
    if (!latest.has(name)) fail(refused);
  }
}
