// Lists that several pages show: positions, signals, latches, health, requests of a second person.

import { get, send } from "./api.js";
import { badge, command, el, empty, fill, icon, say } from "./dom.js";
import { asMs, exact, gain, money, num, price, quantity, time, timeText, who, words } from "./format.js";
import * as live from "./live.js";
import { doing, may, tell } from "./shell.js";
import { table } from "./table.js";

/** The rows of an answer, whatever its list is called. */
export const rows = (said, name) => said.items ?? said[name] ?? (Array.isArray(said) ? said : []);

export const side = (value) => {
  const buys = ["BUY", "LONG"].includes(String(value).toUpperCase());
  return el("span", { class: `side ${buys ? "gain" : "loss"}` }, icon(buys ? "up" : "down"), ` ${value || ""}`);
};

export const chartLink = (symbol) => el("a", { href: `/chart/${encodeURIComponent(symbol)}` }, symbol);

// --- positions -----------------------------------------------------------------------------------

export const protection = (one) => (one.protected
  ? badge("ok", "protected", "shield")
  : badge("bad", one.stop ? "stop not confirmed" : "no stop", "warn"));

export function positionsTable(short = false) {
  const columns = [
    { title: "Symbol", lead: true, cell: (one) => chartLink(one.symbol) },
    { title: "Held", num: true, cell: (one) => quantity(one.quantity) },
    { title: "Entry", num: true, cell: (one) => price(one.entry) },
    { title: "Now", num: true, cell: (one) => price(one.mark) },
    { title: "Unrealised", num: true, cell: (one) => gain(one.unrealised) },
    { title: "Stop", num: true, cell: (one) => (one.stop ? price(one.stop) : "none") },
    { title: "Protection", cell: protection },
    { title: "Strategy", cell: (one) => one.strategy || (one.adopted ? "adopted" : "") },
  ];
  return table({
    caption: "Positions", key: (one) => one.symbol, columns: short ? columns.filter((_, i) => [0, 1, 4, 6].includes(i)) : columns,
    nothing: () => empty("Nothing is held.", "A position appears here the moment its first fill is booked, with the stop under it."),
  });
}

// --- signals -------------------------------------------------------------------------------------

const STATES = {
  SUBMITTED: ["ok", "became an order"], REFUSED: ["bad", "refused"], WAITS_FOR_APPROVAL: ["warn", "waits for approval"],
  NOTHING_TO_DO: ["quiet", "nothing to do"], KNOWN: ["quiet", "known already"], RECEIVED: ["info", "received"],
  EXPIRED: ["quiet", "expired"], DENIED: ["bad", "denied"], APPROVED: ["ok", "approved"],
};

export function verdictOf(one) {
  const [kind, text] = STATES[one.state] || ["quiet", words(one.state)];
  const shape = one.state === "WAITS_FOR_APPROVAL" ? "wait" : undefined;
  return badge(kind, text, shape);
}

export const reasonsOf = (one) => {
  const names = one.reasons && one.reasons.length ? one.reasons : one.reason ? [one.reason] : [];
  return names.length ? names.map(words).join(", ") : one.message || "";
};

// What is traded here, for examples that work: the first symbol whose market is watched.
const watched = { symbol: "SPY" };
live.on("overview", (said) => { if (said.market && said.market[0]) watched.symbol = said.market[0].symbol; });

/** The line that posts a webhook to this very server. */
export const curl = () => {
  const body = JSON.stringify({ symbol: watched.symbol, action: "BUY" });
  return `curl -X POST ${location.origin}/webhook -H 'Content-Type: application/json' -d '${body}'`;
};

export const noSignals = () => empty("No signals yet.",
  "Whatever a strategy or a webhook proposes appears here at once, with the verdict on it. Post one:", command(curl()));

export function signalColumns() {
  return [
    { title: "Time", cell: (one) => time(one.ts_ns ?? one.ts ?? one.received_ns) },
    { title: "Symbol", lead: true, cell: (one) => chartLink(one.symbol || "?") },
    { title: "Side", cell: (one) => el("span", {}, side(one.side), one.exit_only ? " exit only" : "") },
    { title: "From", cell: (one) => [one.source === "webhook" || String(one.who || "").startsWith("webhook") ? "webhook" : "strategy", one.strategy].filter(Boolean).join(": ") },
    { title: "Verdict", cell: verdictOf },
    { title: "Why", wide: true, cell: (one) => reasonsOf(one) },
  ];
}

// --- latches -------------------------------------------------------------------------------------

const LEVELS = {
  WARNED: ["warn", "warn"], REDUCED: ["warn", "reduce"], PAUSED: ["warn", "pause"], HALTED: ["bad", "stop"], KILLED: ["bad", "kill"],
};
const RELEASES = {
  CONDITION: "its number to be back inside the limit", COOLDOWN: "its cooldown", SESSION: "the next session", PERSON: "a person",
};

export const levelBadge = (level) => {
  const [kind, shape] = LEVELS[level] || ["quiet", "dash"];
  return badge(kind, level, shape);
};

export const waitsFor = (one) => (one.waits_for || []).map((name) => RELEASES[name] || words(name)).join(" and ") || "nothing any more";

export const overWhat = (one) => (one.scope === "ACCOUNT" ? "the account" : `${words(one.scope).toLowerCase()} ${one.of}`);

export const latchKey = (one) => `${one.cause}/${one.scope}/${one.of}`;

export const noLatches = () => empty("No latch is set.", "Every breaker that trips leaves one here, with what it measured and what releases it.");

// --- health --------------------------------------------------------------------------------------

export function healthBadge(status) {
  const kinds = { PASS: "ok", up: "ok", IDLE: "ok", DEGRADED: "warn", WARN: "warn", FAIL: "bad", down: "bad", OFF: "quiet", DISABLED: "quiet" };
  return badge(kinds[status] || "quiet", status || "unknown", kinds[status] ? undefined : "ask");
}

const HEALTH_MS = 3_000;

/**
 * Draws health as it comes by the stream. Asked directly it answers 503 when all is not well, which
 * is for monitors; it is asked only where the stream does not say it soon.
 */
export function followHealth(draw, fail) {
  let told = false;
  live.on("health", (said) => { told = true; draw(said); });
  setTimeout(() => {
    if (!told) get("/api/health/system", { any: true, background: true }).then(draw).catch(fail);
  }, HEALTH_MS);
}

/** Health in lines: a name, its verdict, and what is worth knowing about it. */
export function drawHealth(place, said, short = false) {
  const data = said.market_data || {};
  const guard = said.risk_guard || {};
  const lines = [
    ["All of it", said.global_status, (said.reasons || []).join("; ") || "nothing to report"],
    ["Database", said.db_status, ""],
    ["Market data", data.status, data.fresh_symbols === undefined ? "" : `${data.fresh_symbols} fresh, ${data.stale_symbols} stale`],
    ["Trading system", (said.trade_system || {}).status, said.trade_system ? `${said.trade_system.open_orders ?? "?"} open orders` : ""],
    ["Market updater", (said.market_updater || {}).status, (said.market_updater || {}).is_running ? "runs" : ""],
    ["Signal monitor", (said.signal_monitor || {}).status, (said.signal_monitor || {}).is_running ? "runs" : ""],
    ["Telegram", (said.telegram || {}).status, said.telegram && !said.telegram.enabled ? "not configured" : ""],
    ["Risk guard", guard.global_trading_enabled === undefined ? undefined : guard.global_trading_enabled ? "PASS" : "FAIL",
      guard.daily_loss_triggered ? "the daily loss limit was reached" : guard.global_trading_enabled ? "trading is enabled" : "trading is stopped"],
  ].filter(([, status]) => status !== undefined);
  fill(place, el("dl", { class: "facts" }, (short ? lines.slice(0, 5) : lines).map(([name, status, more]) =>
    el("div", {}, el("dt", {}, name), el("dd", {}, healthBadge(status), more ? el("span", { class: "quiet" }, ` ${more}`) : null)))));
}

// --- requests that need a second person -----------------------------------------------------------

/** What was answered to something that may need a second person: 202 carries a request. */
export function tellDone(answer, done) {
  if (answer && answer.request) {
    tell("A second person has to say yes: it waits on the kill and people pages.", "ok");
    return false;
  }
  tell(done, "ok");
  return true;
}

/** A code that lets somebody set up their password and second factor: shown once, and kept nowhere. */
export function showCode(name, code) {
  const box = el("dialog", { class: "dialog", "aria-labelledby": "code-title" },
    el("h2", { id: "code-title" }, `The one-time code of ${name}`),
    el("p", {}, "It is shown once. They type it at ", el("code", {}, `${location.origin}/setup`), ", and choose a password of their own there."),
    command(code),
    el("div", { class: "actions" }, el("button", { type: "button", class: "primary", onclick: () => { box.close(); box.remove(); } }, "I have passed it on")));
  document.body.append(box);
  box.showModal();
}

const KINDS = { clear_kill: "Clear the kill", loosen: "Let more through than before", people: "Change people" };

function requestText(one) {
  const what = one.what || {};
  const more = one.kind === "people" ? [what.change, what.name, what.role && words(what.role).toLowerCase()] : [];
  return [KINDS[one.kind] || words(one.kind), ...more].filter(Boolean).join(": ").replace(": ", ": ");
}

export function requestsTable(again) {
  const me = document.body.dataset.who;
  const decide = (one, approve) => (event) => doing(event.target, async () => {
    const answer = await send("POST", `/api/requests/${encodeURIComponent(one.id)}`, { approve });
    tell(approve ? "You said yes; it was done." : "You said no.");
    if (answer.result && answer.result.code) showCode((one.what || {}).name, answer.result.code);
    await again();
  });
  return table({
    caption: "Requests", key: (one) => String(one.id),
    nothing: () => empty("Nothing waits for a second person."),
    columns: [
      { title: "What", lead: true, cell: (one) => requestText(one) },
      { title: "Asked by", cell: (one) => who(one.requester) },
      { title: "When", cell: (one) => time(one.made) },
      { title: "Until", cell: (one) => time(one.expires) },
      { title: "Reason", wide: true, cell: (one) => one.reason || "" },
      { title: "Decide", cell: (one) => (who(one.requester) === me
        ? el("span", {}, "somebody else has to ", el("button", { type: "button", class: "small", onclick: decide(one, false) }, "Withdraw"))
        : el("span", {}, el("button", { type: "button", class: "small primary", onclick: decide(one, true) }, "Yes"), " ",
          el("button", { type: "button", class: "small", onclick: decide(one, false) }, "No"))) },
    ],
  });
}

export async function drawRequests(place, card = null) {
  const shown = requestsTable(() => drawRequests(place, card));
  fill(place, shown.place);
  try {
    const open = (await get("/api/requests", { background: true })).items.filter((one) => one.state === "PENDING");
    shown.draw(open);
    if (card) card.hidden = open.length === 0;
  } catch (refused) {
    if (card) card.hidden = true;
    else shown.fail(refused);
  }
}

export { asMs, exact, fill, money, may, num, say, timeText };
