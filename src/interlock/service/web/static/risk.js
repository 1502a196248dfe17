// Every limit and how much of it is used, the fullest first.

import { get } from "./api.js";
import { byId, el, empty, fill, meter, say } from "./dom.js";
import { num, words } from "./format.js";
import * as live from "./live.js";
import "./shell.js";
import { failure, table } from "./table.js";

const EVERY_MS = 5_000;
const TITLES = { account: "Account", strategy: "Strategies", instrument: "Instruments" };
const form = byId("filter");
const seen = { limits: [], atMs: 0, tables: new Map() };

const fraction = (one) => (one.used === null || one.used === undefined ? NaN : Number(one.used));

const limitsTable = (level) => table({
  caption: `Limits of level ${level}`, key: (one) => `${one.of}/${one.limit}`,
  mark: (one) => (fraction(one) >= 1 ? "fails" : null), nothing: () => empty("No limit fits."),
  columns: [
    { title: "Limit", lead: true, cell: (one) => (level === "account" ? words(one.limit) : `${one.of}: ${words(one.limit).toLowerCase()}`) },
    { title: "Value", num: true, cell: (one) => num(one.value ?? "\u2013") },
    { title: "Limit at", num: true, cell: (one) => num(one.max ?? one.limit_text ?? "\u2013") },
    { title: "Used", cell: (one) => (Number.isFinite(fraction(one)) ? meter(fraction(one), `${words(one.limit)}, used`) : el("span", { class: "quiet" }, one.max === "none" ? "no limit" : one.max === "not set" ? "not set: denies" : "judged per order")) },
  ],
});

function draw() {
  const { level, text, used } = form.elements;
  const wanted = text.value.trim().toLowerCase().replaceAll(" ", "_");
  const fits = (one) => (!level.value || one.level === level.value) && (!used.checked || fraction(one) > 0)
    && (!wanted || `${one.of}_${one.limit}`.toLowerCase().includes(wanted));
  const some = seen.limits.filter(fits);
  const place = byId("limits");
  if (some.length === 0) { seen.tables.clear(); fill(place, el("section", { class: "card" }, empty(seen.limits.length ? "No limit fits the filter." : "No limits are known yet."))); return; }
  const levels = Object.keys(TITLES).filter((name) => some.some((one) => one.level === name));
  if (levels.join() !== [...seen.tables.keys()].join()) {
    seen.tables = new Map(levels.map((name) => [name, limitsTable(name)]));
    fill(place, levels.map((name) => el("section", { class: "card" }, el("div", { class: "head" }, el("h2", {}, TITLES[name]), el("p", { class: "say" })), seen.tables.get(name).place)));
  }
  for (const name of levels) {
    const those = some.filter((one) => one.level === name).sort((a, b) => (fraction(b) || 0) - (fraction(a) || 0));
    const near = those.filter((one) => fraction(one) >= 0.75).length;
    seen.tables.get(name).draw(those);
    say(seen.tables.get(name).place.parentNode.querySelector(".say"), `${those.length} limits${near ? `, ${near} nearly used` : ""}`);
  }
}

async function read(background) {
  if (background && Date.now() - seen.atMs < EVERY_MS) return;
  seen.atMs = Date.now();
  try {
    seen.limits = (await get("/api/limits", { background })).items;
    draw();
  } catch (refused) {
    seen.tables.clear();
    fill(byId("limits"), failure(refused));
  }
}

form.addEventListener("input", draw);
form.addEventListener("submit", (event) => event.preventDefault());
read(false);
live.on("overview", () => read(true));
