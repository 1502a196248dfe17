// The machine: its health as programs see it, its processes, and what is in force.

import { get, send } from "./api.js";
import { badge, byId, el, empty, facts, fill, say } from "./dom.js";
import { duration, exact, num, time, words } from "./format.js";
import * as live from "./live.js";
import { drawHealth, followHealth, tellDone } from "./parts.js";
import { askReason, doing, may } from "./shell.js";
import { failure, table } from "./table.js";

const market = table({
  caption: "Market data", key: (one) => one.symbol, nothing: () => empty("No symbol is watched."),
  columns: [
    { title: "Symbol", lead: true, cell: (one) => one.symbol },
    { title: "State", cell: (one) => (one.fresh ? badge("ok", "fresh") : badge("bad", "stale")) },
    { title: "Age", num: true, cell: (one) => num(one.age_ms === null ? "never seen" : duration(one.age_ms / 1000)) },
    { title: "May be", num: true, cell: (one) => num(one.max_age_ms === undefined || one.max_age_ms === null ? "\u2013" : duration(one.max_age_ms / 1000)) },
  ],
});

const EVERY_MS = 3_000;
const seen = { atMs: 0 };
const yes = (value) => (value === null || value === undefined ? null : value ? "yes" : "no");

function drawEngine(said) {
  if (said.connected === false) {
    fill(byId("engine"), empty("The engine does not answer.", said.why || "It may be starting. What it said last is not shown, because it may be wrong now."));
    fill(byId("venue"), empty("Not known while the engine is silent."));
    return;
  }
  const inbox = said.inbox || {};
  const counts = said.counts || {};
  fill(byId("engine"), facts([
    ["Phase", said.phase && words(said.phase)], ["Strategy", said.strategy], ["Version", said.version], ["Build", said.build && el("code", {}, said.build)],
    ["Process", said.pid], ["Account", said.account], ["Epoch", said.epoch], ["Journal", said.journal && el("code", {}, said.journal)],
    ["Records", said.seq === undefined ? null : `${exact(said.seq)}, durable ${exact(said.durable_seq)}`],
    ["Journal writable", yes(said.journal_writable)],
    ["Inbox", inbox.waiting === undefined ? null : `${inbox.waiting} waiting, ${inbox.waiting_max} at most`],
    ["Engine's clock", time(said.now_ns)], ["Events", counts.events === undefined ? null : exact(counts.events)],
    ["Bars", counts.bars === undefined ? null : exact(counts.bars)], ["Strategy failure", said.strategy_failure],
  ]));
  const dog = said.watchdog || (said.killed || {}).watchdog || {};
  const proofs = said.proofs || {};
  fill(byId("venue"), facts([
    ["Venue heard", said.venue_round_trip_age_ms === null || said.venue_round_trip_age_ms === undefined ? "never" : `${duration(said.venue_round_trip_age_ms / 1000)} ago`],
    ["Connections", (said.traffic || {}).connects], ["Orders sent", (said.traffic || {}).sent],
    ["Watchdog", dog.alive === undefined ? (dog.pid ? badge("ok", "alive") : badge("quiet", dog.wanted ? "not heard of" : "off")) : el("span", {}, dog.alive ? badge("ok", "alive") : badge(dog.wanted ? "bad" : "quiet", dog.wanted ? "not heard of" : "off"), dog.age_s === null || dog.age_s === undefined ? null : ` ${duration(dog.age_s)} ago`)],
    ["Breaker proofs", proofs.failed === undefined ? null : (Array.isArray(proofs.failed) ? proofs.failed.length : proofs.failed) ? badge("bad", "some failed") : badge("ok", "all trip")],
    ["Last proof", proofs.last_ns || proofs.at_ns || proofs.ts_ns ? time(proofs.last_ns ?? proofs.at_ns ?? proofs.ts_ns) : null],
    ["Data", said.data && typeof said.data !== "object" ? said.data : null], ["Speed", said.speed],
    ["Dead-man switch", (said.dead_man || {}).state ?? null],
  ]));
  if (said.market) market.draw(said.market);
  drawConfig(said);
}

function drawConfig(said) {
  const place = byId("config");
  if (place.dataset.digest === String(said.configuration)) return;
  place.dataset.digest = String(said.configuration);
  const reload = async (event) => {
    const reason = await askReason({ title: "Read the configuration again", text: "Rules that let less through hold at once. What lets more through is refused unless it is asked for.", action: "Read it again" });
    if (reason === null) return;
    await doing(event.target, async () => tellDone(await send("POST", "/api/configuration/reload", { reason }), "Read again; what changed is in force."));
  };
  fill(place, facts([["Policy digest", said.configuration && el("code", {}, said.configuration)], ["Home", said.home && el("code", {}, said.home)]]),
    may.has("restart") ? el("div", { class: "actions" }, el("button", { type: "button", onclick: reload }, "Read the configuration again")) : null);
}

function health(said) {
  drawHealth(byId("health"), said);
  say(byId("health-say"), said.timestamp ? `as of ${new Date(said.timestamp).toLocaleTimeString("en-GB")}` : "");
}

async function read(background) {
  if (background && Date.now() - seen.atMs < EVERY_MS) return;
  seen.atMs = Date.now();
  try {
    drawEngine(await get("/api/system", { background }));
  } catch (refused) {
    fill(byId("engine"), failure(refused));
  }
}

fill(byId("market"), market.place);
market.draw([]);
followHealth(health, (refused) => fill(byId("health"), failure(refused)));
live.on("overview", () => read(true));
read(false);
