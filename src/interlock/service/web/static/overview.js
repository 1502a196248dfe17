// The first page: is it well, what was won or lost, what is held, what came in, what wants a person.

import { get } from "./api.js";
import { showApprovals } from "./approvals.js";
import { badge, byId, el, empty, fill, meter, say } from "./dom.js";
import { drawEquity } from "./equity.js";
import { gain, money, num, percent, plural, sign, time, timeText, words } from "./format.js";
import * as live from "./live.js";
import { drawHealth, followHealth, latchKey, levelBadge, noLatches, noSignals, overWhat, positionsTable, signalColumns, waitsFor } from "./parts.js";
import "./shell.js";
import { failure, table } from "./table.js";

const EQUITY_EVERY_MS = 15_000;
const positions = positionsTable(true);
const signals = table({
  caption: "Latest signals", key: (one) => String(one.id), nothing: noSignals,
  columns: signalColumns().filter((one) => ["Time", "Symbol", "Side", "Verdict"].includes(one.title)),
});
const latches = table({
  caption: "Latches", key: latchKey, nothing: noLatches,
  columns: [
    { title: "Cause", lead: true, cell: (one) => words(one.cause) },
    { title: "Level", cell: (one) => levelBadge(one.level) },
    { title: "Over", cell: overWhat },
    { title: "Waits for", cell: waitsFor },
  ],
});
const SEVERITIES = { critical: ["bad", "warn"], warning: ["warn", "warn"], info: ["info", "dash"] };
const news = table({
  caption: "Alerts", key: (one) => String(one.id), nothing: () => empty("No alerts.", "What people have to be told stands here, and goes out by the channels that are configured."),
  columns: [
    { title: "What", lead: true, cell: (one) => one.title },
    { title: "Severity", cell: (one) => { const [kind, shape] = SEVERITIES[one.severity] || ["quiet", "dash"]; return badge(kind, one.severity, shape); } },
    { title: "When", cell: (one) => time(one.last_ns || one.ts_ns) },
    { title: "State", cell: (one) => (one.acknowledged ? "acknowledged" : one.count > 1 ? `${one.count} times` : "open") },
  ],
});
const seen = { currency: "", dayStart: null, equityMs: 0, points: [] };

function tile(name, value, under, more = null) {
  return el("div", { class: "tile" }, el("h3", {}, name), el("p", { class: "value num" }, value), more, under ? el("p", { class: "under" }, under) : null);
}

function drawFigures(said) {
  if (!said.money) return;
  const { money: all, counts = {} } = said;
  seen.currency = said.currency || "";
  seen.dayStart = Number(all.day_start);
  const limit = (said.limits || []).find((one) => one.limit === "daily_loss");
  const fraction = Number(all.day) / Number(all.day_start);
  const drawdown = Number(all.peak) > 0 ? (Number(all.peak) - Number(all.equity)) / Number(all.peak) : NaN;
  fill(byId("figures"),
    tile(`Equity, ${seen.currency}`, money(all.equity), `cash ${money(all.cash)}`),
    tile("Today", gain(all.day), sign(all.day) ? `${sign(all.day) > 0 ? "+" : ""}${percent(fraction, 2)} of ${money(all.day_start)}` : "since the day began"),
    limit ? tile("Daily loss limit", percent(Number(limit.used), 0), `trading stops at ${money(limit.trips_at)}`, meter(Number(limit.used), "Daily loss limit, used", false))
      : tile("Daily loss limit", "\u2013", "no limit on the day's loss is set"),
    tile("Realised", gain(all.realised), `fees ${money(all.fees)}`),
    tile("Unrealised", gain(all.unrealised), `exposure ${money(all.exposure)}`),
    tile("From the peak", num(Number.isFinite(drawdown) ? percent(-drawdown, 2) : "\u2013"), `${plural(counts.trades ?? 0, "trade")}, ${plural(counts.refusals ?? 0, "refusal")}`));
}

async function readEquity(background) {
  if (background && Date.now() - seen.equityMs < EQUITY_EVERY_MS) return;
  seen.equityMs = Date.now();
  const place = byId("equity");
  try {
    seen.points = (await get("/api/equity?points=500", { background })).points;
    await drawEquity(place, seen.points, seen.currency, Number.isFinite(seen.dayStart) ? seen.dayStart : null);
    const last = seen.points[seen.points.length - 1];
    say(byId("equity-say"), last ? `until ${timeText(last.ts_ns)}; the dotted line is where the day began` : "");
  } catch (refused) {
    fill(place, failure(refused));
  }
}

function draw(said) {
  drawFigures(said);
  if (said.positions) positions.draw(said.positions);
  if (said.latches) latches.draw(said.latches);
  if (said.signals) signals.draw(said.signals.slice(0, 6));
  if (!said.money) fill(byId("figures"), el("div", { class: "tile" }, empty("The engine does not answer.", said.why || "Numbers come back with it.")));
}

fill(byId("positions"), positions.place);
fill(byId("signals"), signals.place);
fill(byId("latches"), latches.place);
fill(byId("news"), news.place);
showApprovals(byId("approvals"), true);
live.follow("overview", "/api/overview", (said) => { draw(said); readEquity(true); }, (refused) => fill(byId("figures"), failure(refused)));
live.follow("signals", "/api/signals?limit=6", (said) => signals.draw(said.items.slice(0, 6)), signals.fail);
const readNews = () => get("/api/alerts?limit=6", { background: true }).then((said) => news.draw(said.items.slice(0, 6))).catch(news.fail);
readNews();
live.on("alerts", readNews);
followHealth((said) => drawHealth(byId("health"), said, true), (refused) => fill(byId("health"), failure(refused)));
