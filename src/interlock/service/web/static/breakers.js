// Latches: what set each, what it waits for, and the person who may release it.

import { get, send } from "./api.js";
import { badge, byId, el, empty, fill, say } from "./dom.js";
import { exact, time, who, words } from "./format.js";
import * as live from "./live.js";
import { latchKey, levelBadge, noLatches, overWhat, tellDone, waitsFor } from "./parts.js";
import { askReason, doing, may } from "./shell.js";
import { failure, table } from "./table.js";

const seen = { causes: new Set() };
/** What a latch measured, in words where there are any; a latch that a person set measured nothing. */
function measured(one, name) {
  if (one[`${name}_text`]) return one[`${name}_text`];
  return one.value || one.limit ? exact(one[name]) : "\u2013";
}

const isKill = (one) => String(one.cause).startsWith("KILL_");

async function resume(button, one) {
  const reason = await askReason({
    title: `Release ${words(one.cause).toLowerCase()} over ${overWhat(one)}`,
    text: `Losses are measured from here on. It still waits for ${waitsFor(one)}.`, action: "Release",
  });
  if (reason === null) return;
  await doing(button, async () => {
    const answer = await send("POST", "/api/resume", { cause: one.cause, of: one.of, reason });
    const left = (answer.waits || []).find((other) => latchKey(other) === latchKey(one));
    tellDone(answer, left ? `Noted. It still waits for ${waitsFor(left)}.` : answer.hint || "Released.");
    await read();
  });
}

const latches = table({
  caption: "Latches", key: latchKey, nothing: noLatches,
  mark: (one) => (["HALTED", "KILLED"].includes(one.level) ? "fails" : null),
  columns: [
    { title: "Cause", lead: true, cell: (one) => el("span", { class: "nowrap" }, words(one.cause)) },
    { title: "Level", cell: (one) => levelBadge(one.level) },
    { title: "Over", cell: overWhat },
    { title: "Measured", num: true, cell: (one) => measured(one, "value") },
    { title: "Limit", num: true, cell: (one) => measured(one, "limit") },
    { title: "Since", cell: (one) => time(one.since_ns ?? one.since) },
    { title: "Waits for", wide: true, cell: waitsFor },
    { title: "Release", cell: (one) => {
      if (isKill(one)) return el("a", { href: "/kill" }, "on the kill page");
      if (!may.has("resume")) return "";
      return el("button", { type: "button", class: "small", data: { id: `resume/${latchKey(one)}` }, onclick: (event) => resume(event.target, one) }, "Release");
    } },
  ],
});

const past = table({
  caption: "Released latches", key: (one) => `${one.seq}/${latchKey(one)}`,
  nothing: () => empty("Nothing was set and released yet."),
  columns: [
    { title: "Time", cell: (one) => time(one.ts_ns) },
    { title: "Cause", lead: true, cell: (one) => words(one.cause) },
    { title: "What", cell: (one) => (one.set === false ? badge("ok", "released") : badge("warn", "set")) },
    { title: "Level", cell: (one) => (one.level ? levelBadge(one.level) : "") },
    { title: "Over", cell: overWhat },
    { title: "By", cell: (one) => (one.who ? who(one.who) : "") },
    { title: "Reason", wide: true, cell: (one) => one.reason || "" },
  ],
});

const breakers = table({
  caption: "Breakers", key: (one) => one.breaker,
  nothing: () => empty("Nothing is known of the breakers."),
  mark: (one) => (one.proved ? null : "fails"),
  columns: [
    { title: "Breaker", lead: true, cell: (one) => words(one.breaker) },
    { title: "Proof", cell: (one) => (one.proved ? badge("ok", "trips as it must") : badge("bad", "did not trip")) },
    { title: "Now", cell: (one) => (seen.causes.has(String(one.breaker).toUpperCase()) ? badge("warn", "set") : badge("quiet", "not set")) },
    { title: "Proved", cell: (one) => time(one.at_ns) },
    { title: "About", wide: true, cell: (one) => one.why || "" },
  ],
});

function drawLatches(said) {
  latches.draw(said.items);
}

function drawBreakers(said) {
  seen.causes = new Set(said.latches.map((one) => one.cause));
  breakers.draw(said.items);
  say(byId("proofs-say"), said.running ? "being proved now" : said.overdue ? "the proofs are overdue" : said.never ? "not proved yet" : "");
}

async function read() {
  try {
    drawLatches(await get("/api/latches", { background: true }));
  } catch (refused) {
    latches.fail(refused);
  }
}

fill(byId("latches"), latches.place);
fill(byId("past"), past.place);
fill(byId("breakers"), breakers.place);
live.on("latches", drawLatches);
read();
get("/api/latches/history?limit=50").then((said) => past.draw(said.items)).catch(() => { byId("past").closest("section").hidden = true; });
get("/api/breakers").then(drawBreakers).catch((refused) => fill(byId("breakers"), failure(refused)));
