// The top of the page: what ran, the honest headline, and what to know before believing it.

const SECTIONS = [
  ["equity", "Equity"],
  ["price", "Price and trades"],
  ["exits", "Exits"],
  ["refusals", "Refusals"],
  ["latches", "Latches"],
  ["costs", "Costs"],
  ["months", "Months"],
  ["spread", "Results"],
  ["trades", "Trades"],
];
const NOTES_OPEN_MAX = 12;
const NAMES_MAX = 12;

function mark() {
  const NS = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(NS, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(NS, "path");
  path.setAttribute("d", "M3 5h8v5h2V5h8v14h-8v-5h-2v5H3z");
  path.setAttribute("fill", "currentColor");
  svg.append(path);
  return svg;
}

function showHead() {
  const others = run.symbols.length > NAMES_MAX ? ` and ${count(run.symbols.length - NAMES_MAX)} more` : "";
  const names = run.symbols.slice(0, NAMES_MAX).join(", ") + others;
  const bars = plural(summary.bars, "bar");
  const period = `${moment(run.first_ms)} to ${moment(run.last_ms)} UTC`;
  byId("head").append(
    el("p", { class: "brand" }, mark(), "Interlock backtest"),
    el("h1", {}, run.title),
    el("p", { class: "under" }, `${period} · ${bars} · ${names} · account in ${run.currency}`),
    el(
      "ul",
      { class: "chips", "aria-label": "Parameters of the strategy" },
      ...run.parameters.map(([name, value]) => el("li", {}, el("b", {}, name), value)),
    ),
  );
  const links = SECTIONS.map(([id, name]) => el("li", {}, el("a", { href: `#${id}` }, name)));
  byId("head").after(el("nav", { "aria-label": "Sections" }, el("ul", {}, ...links)));
}

function figure(name, value, under, kind = "", wide = "") {
  return el(
    "div",
    { class: `figure ${wide}` },
    el("h3", {}, name),
    el("p", { class: kind }, value),
    el("small", {}, under),
  );
}

function deepestDay() {
  const { drawdown_pct: falls, times } = page.equity;
  let deepest = -1;
  for (let i = 0; i < falls.length; i += 1) {
    if (falls[i] > 0 && (deepest < 0 || falls[i] > falls[deepest])) deepest = i;
  }
  return deepest < 0 ? "never below a peak" : `deepest on ${day(unpackTimes(times)[deepest])}`;
}

function refused() {
  const total = page.refusals.reduce((sum, row) => sum + row.count, 0);
  const most = page.refusals.length ? `most: ${words(page.refusals[0].reason)}` : "none";
  return [count(total), most];
}

function profitFactor() {
  const { profit_factor: factor, won, average_won: gain, average_lost: loss } = page.figures;
  if (factor === null) return [NOTHING, won ? "no trade lost" : "no trade won or lost"];
  return [fixed(factor, 2), `average ${moneySigned(gain)}, ${money(loss)}`];
}

function stopped() {
  const seconds = page.latches.stopped_s;
  const share = run.period_s > 0 ? percent((seconds / run.period_s) * 100, 1) : NOTHING;
  const times = plural(page.latches.stopped.length, "time");
  return [share, seconds ? `${times}, ${duration(seconds)} in all` : "entries were never stopped"];
}

function inMarket() {
  if (!(run.period_s > 0)) return plural(summary.orders, "order");
  return `in a position ${percent((page.figures.in_market_s / run.period_s) * 100, 0)} of the time`;
}

/** What doing nothing would have made: the last close over the first open of the only instrument. */
function ifHeld() {
  if (page.bars.length !== 1) return "";
  const first = page.bars[0].open.find((price) => price > 0);
  const last = page.bars[0].close.findLast((price) => price !== null);
  if (first === undefined || last === undefined) return "";
  return ` · buy and hold ${percentSigned((last / first - 1) * 100, 1)}`;
}

function showFigures() {
  const { fees, slippage, funding, sharpe } = summary;
  const { won, lost } = page.figures;
  const ends = `${money(summary.equity_start)} to ${money(summary.equity_end)} ${run.currency}${ifHeld()}`;
  const paid = `fees ${money(fees)}, slippage ${money(slippage)}`;
  const result = summary.return_pct;
  byId("figures").append(
    figure("Return", percentSigned(result), ends, tone(result), "wide"),
    figure("Max drawdown", percent(summary.max_drawdown_pct), deepestDay()),
    figure("Sharpe", fixed(sharpe, 2), sharpe === null ? "too few days" : "of daily returns, per year"),
    figure("Time stopped", ...stopped()),
    figure("Trades", count(summary.trades), inMarket()),
    figure("Win rate", percent(page.figures.win_rate_pct, 1), `${count(won)} won, ${count(lost)} lost`),
    figure("Profit factor", ...profitFactor()),
    figure("Costs", money(fees + slippage + funding), funding ? `${paid}, funding ${money(funding)}` : paid),
    figure("Refusals", ...refused()),
  );
}

/** What would mislead a reader who only looks at the figures: sentences of [bold, text]. */
function warnings() {
  const said = [];
  if (!summary.complete) {
    said.push(["Interrupted.", "This run was stopped before its last bar; everything here is about its beginning."]);
  }
  const { releases } = summary;
  if (releases.count > 0) {
    const causes = Object.entries(releases.by_cause)
      .map(([cause, times]) => `${words(cause).toLowerCase()} ${count(times)}`)
      .join(", ");
    said.push([
      `A simulated operator released ${plural(releases.count, "latch", "latches")}.`,
      `They had been set for ${duration(releases.halted_s)} in all (${causes}). In real life each of ` +
        "them waits for a person, and trading stays stopped until that person comes.",
    ]);
  }
  const open = summary.open_positions;
  if (open.length) {
    const worth = open.reduce((sum, held) => sum + held.unrealised, 0);
    const held = open.slice(0, 5).map((one) => `${exact(one.quantity)} ${one.symbol}`).join(", ");
    const others = open.length > 5 ? ` and ${open.length - 5} more` : "";
    said.push([
      `${plural(open.length, "position")} still open at the end.`,
      `${held}${others}: ${moneySigned(worth)} at the last close, in the return and in no closed trade.`,
    ]);
  }
  const alarms = Object.entries(summary.alarms);
  if (alarms.length) {
    const list = alarms.map(([name, times]) => `${words(name).toLowerCase()} ${count(times)}`);
    said.push(["Alarms were raised.", `${list.join(", ")}.`]);
  }
  return said;
}

function showNotes() {
  const place = byId("notes");
  const said = warnings();
  if (said.length) {
    const rows = said.map(([bold, text]) => el("li", {}, el("b", {}, bold), ` ${text}`));
    place.append(el("div", { class: "warning" }, el("ul", {}, ...rows)));
  }
  if (page.notes.length) {
    const open = page.notes.length <= NOTES_OPEN_MAX ? { class: "notes", open: "" } : { class: "notes" };
    place.append(
      el(
        "details",
        open,
        el("summary", {}, `What this run recognised and assumed (${count(page.notes.length)})`),
        el("ul", {}, ...page.notes.map((note) => el("li", {}, note))),
      ),
    );
  }
}

function showFoot() {
  const speed = `${count(summary.bars_per_s)} bars/s, ${fixed(summary.elapsed_s, 2)} s in all`;
  byId("foot").append(
    el("p", {}, `${plural(summary.events, "event")}, ${plural(summary.orders, "order")}, ${plural(summary.fills, "fill")}, ${speed}.`),
    el("p", {}, "Run ", el("code", {}, summary.digest), " · policy ", el("code", {}, run.policy_digest)),
    el("p", {}, "The same inputs give the same run digest. This file loads nothing from any network."),
  );
}
