// One symbol: its candles, what was done on them, and its fills.

import { get } from "./api.js";
import { byId, el, empty, fill, say } from "./dom.js";
import { drawCandles } from "./candles.js";
import { exact, money, price, quantity, time, timeText, words } from "./format.js";
import * as live from "./live.js";
import { rows, side } from "./parts.js";
import "./shell.js";
import { failure, table } from "./table.js";

const SPANS = [60, 120, 300];
const EVERY_MS = 3_000;
const symbol = document.body.dataset.symbol;
const seen = { count: window.innerWidth < 620 ? 60 : 120, position: null, atMs: 0, busy: false };

const fills = table({
  caption: "Fills", key: (one) => String(one.seq),
  nothing: () => empty("Nothing was traded here yet."),
  columns: [
    { title: "Time", lead: true, cell: (one) => time(one.ts_ns ?? one.ts) },
    { title: "Side", cell: (one) => side(one.side) },
    { title: "Quantity", num: true, cell: (one) => quantity(one.quantity) },
    { title: "Price", num: true, cell: (one) => price(one.price) },
    { title: "Fee", num: true, cell: (one) => money(one.fee) },
    { title: "Role", cell: (one) => words(one.role) },
    { title: "Order", cell: (one) => one.order || "" },
  ],
});

async function read(background) {
  if (seen.busy || (background && Date.now() - seen.atMs < EVERY_MS)) return;
  seen.busy = true;
  seen.atMs = Date.now();
  try {
    const name = encodeURIComponent(symbol);
    const [found, done] = await Promise.all([
      get(`/api/bars/${name}?n=${seen.count}`, { background }), get(`/api/fills?symbol=${name}&limit=50`, { background }),
    ]);
    const all = found.bars;
    const traded = done.items;
    fills.draw(traded);
    await drawCandles(byId("candles"), { bars: all, fills: found.fills, stops: found.stops || [], position: seen.position });
    const last = all[all.length - 1];
    say(byId("last"), last ? `${exact(last.close)} at ${timeText(last.ts_ns ?? last.ts)}` : "");
    say(byId("bars-say"), all.length ? `${all.length} bars; drag to zoom, double-click for all` : "");
  } catch (refused) {
    fill(byId("candles"), failure(refused));
  } finally {
    seen.busy = false;
  }
}

function spans() {
  fill(byId("spans"), SPANS.map((count) => el("button", {
    type: "button", class: "small", "aria-pressed": String(count === seen.count),
    onclick: () => { seen.count = count; spans(); read(false); },
  }, `${count} bars`)));
}

function take(said) {
  seen.position = rows(said, "positions").find((one) => one.symbol === symbol) || null;
}

fill(byId("fills"), fills.place);
spans();
get("/api/positions").then(take).catch(() => {}).then(() => read(false));
live.on("positions", take);
live.on("overview", () => read(true));
