// Finished backtests, and their reports.

import { get } from "./api.js";
import { byId, command, el, empty, fill } from "./dom.js";
import { exact, gain, num, percent, time } from "./format.js";
import "./shell.js";
import { table } from "./table.js";

const said = (one, name) => one[name] ?? (one.summary || {})[name];
const pct = (value) => (value === undefined || value === null ? num("\u2013") : gain(String(value), `${Number(value) > 0 ? "+" : ""}${percent(Number(value) / 100, 2)}`));

const runs = table({
  caption: "Backtests", key: (one) => String(one.name),
  nothing: () => empty("No backtest was run yet.", "Run one on this machine; it appears here when it is done:", command("interlock backtest --help")),
  columns: [
    { title: "Run", lead: true, cell: (one) => one.title || one.name },
    { title: "Done", cell: (one) => time(one.modified) },
    { title: "Strategy", cell: (one) => said(one, "strategy") || "" },
    { title: "Symbols", cell: (one) => { const some = said(one, "symbols") || said(one, "symbol") || ""; return Array.isArray(some) ? some.join(", ") : some; } },
    { title: "Return", num: true, cell: (one) => pct(said(one, "return_pct")) },
    { title: "Worst fall", num: true, cell: (one) => { const fall = said(one, "max_drawdown_pct"); return num(fall === undefined || fall === null ? "\u2013" : percent(Number(fall) / 100, 2)); } },
    { title: "Trades", num: true, cell: (one) => num(exact(said(one, "trades"))) },
    { title: "Report", cell: (one) => (!one.has_report ? "none" : el("a", { class: "button small", href: `/api/backtests/${encodeURIComponent(one.name)}/report`, target: "_blank", rel: "noopener" }, "Open report")) },
  ],
});

fill(byId("runs"), runs.place);
get("/api/backtests").then((found) => runs.draw(found.items)).catch(runs.fail);
