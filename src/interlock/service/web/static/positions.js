// What is held, and what was.

import { get } from "./api.js";
import { byId, empty, fill } from "./dom.js";
import { NOTHING, exact, fixed, gain, money, num, price, quantity, sign, time, words } from "./format.js";
import * as live from "./live.js";
import { chartLink, positionsTable, rows, side } from "./parts.js";
import "./shell.js";
import { paged, table } from "./table.js";

const positions = positionsTable();
const trades = table({
  caption: "Closed trades", key: (one) => String(one.seq),
  nothing: () => empty("No trade was closed yet.", "Each position that becomes flat leaves a line here, with what it won or lost."),
  columns: [
    { title: "Closed", cell: (one) => time(one.ts_ns) },
    { title: "Symbol", lead: true, cell: (one) => chartLink(one.symbol) },
    { title: "Side", cell: (one) => side(one.side) },
    { title: "Quantity", num: true, cell: (one) => quantity(one.quantity) },
    { title: "Entry", num: true, cell: (one) => price(one.entry_price) },
    { title: "Exit", num: true, cell: (one) => num(exact(one.exit_price)) },
    { title: "Fees", num: true, cell: (one) => num(money(one.fees)) },
    { title: "Result", num: true, cell: (one) => gain(one.pnl) },
    { title: "Risked", num: true, cell: (one) => (one.r === null || one.r === undefined ? num(NOTHING) : gain(one.r, `${sign(one.r) > 0 ? "+" : ""}${fixed(one.r, 2)} R`)) },
    { title: "Why", cell: (one) => words(one.reason) },
    { title: "Strategy", cell: (one) => one.strategy || "" },
  ],
});

/** The way to the chart of everything that is watched, held or not. */
function drawCharts(said) {
  const symbols = (said.market || []).map((one) => one.symbol);
  byId("charts").hidden = symbols.length === 0;
  if (byId("charts").dataset.of === symbols.join()) return;
  byId("charts").dataset.of = symbols.join();
  fill(byId("charts"), "Charts: ", symbols.map((symbol) => [chartLink(symbol), " "]).flat());
}

live.on("overview", drawCharts);
fill(byId("positions"), positions.place);
fill(byId("trades"), trades.place);
live.follow("positions", "/api/positions", (said) => positions.draw(rows(said, "positions")), positions.fail);
paged({ shown: trades, more: byId("older"), read: (before) => get(`/api/trades?limit=50${before === null ? "" : `&before=${before}`}`) }).first();
