// What needs no axis: exits by cause, refusals by reason, costs, and the months.

/** A table: columns are [name, class]; a cell is text or an element, with its column's class. */
function table(columns, rows, sum = null) {
  const cell = (value, i, kind) => {
    if (value instanceof Element && value.tagName === "TD") return value;
    return el(kind, { class: columns[i][1] || "" }, value);
  };
  const line = (row, kind, name) => el("tr", { class: name }, ...row.map((value, i) => cell(value, i, kind)));
  const head = columns.map(([name, kind]) => el("th", { class: kind || "", scope: "col" }, name));
  const body = rows.map((row) => line(row, "td", ""));
  if (sum) body.push(line(sum, "td", "sum"));
  return el(
    "div",
    { class: "scroll" },
    el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...body)),
  );
}

/** A bar in a table's cell, from 0 or, with `low` below 0, to both sides of it. */
function bar(value, low, high, kind = "") {
  const width = high - low || 1;
  const zero = (-low / width) * 100;
  const end = ((value - low) / width) * 100;
  const fill = el("i", { class: kind });
  fill.style.left = `${Math.min(zero, end)}%`;
  fill.style.width = `${Math.max(Math.abs(end - zero), value ? 0.8 : 0)}%`;
  const cell = el("td", { class: low < 0 ? "bar zero" : "bar", "aria-hidden": "true" }, el("div", {}, fill));
  cell.style.setProperty("--zero", `${zero}%`);
  return cell;
}

const toned = (text, value) => el("span", { class: tone(value) }, text);

function showExits() {
  const card = byId("exits");
  card.append(cardTop("Exits by cause", "What closed the trades, and what that made."));
  const rows = page.exits;
  if (!rows.length) {
    card.append(el("p", { class: "empty" }, "No trade was closed."));
    return;
  }
  const low = Math.min(0, ...rows.map((row) => row.pnl));
  const high = Math.max(0, ...rows.map((row) => row.pnl));
  const columns = [["Cause", "words"], ["Trades"], ["Won"], ["Bars held"], [`P&L ${run.currency}`], [""]];
  const body = rows.map((row) => [
    words(row.reason),
    count(row.count),
    percent((row.won / row.count) * 100, 0),
    fixed(row.average_bars, 1),
    toned(moneySigned(row.pnl), row.pnl),
    bar(row.pnl, low, high, tone(row.pnl)),
  ]);
  const { won, pnl, average_bars: bars } = page.figures;
  const total = page.trades.total;
  const share = percent((won / total) * 100, 0);
  card.append(table(columns, body, ["All", count(total), share, fixed(bars, 1), toned(moneySigned(pnl), pnl), ""]));
}

function showRefusals() {
  const card = byId("refusals");
  const rows = page.refusals;
  card.append(cardTop("Refusals by reason", "The first rule that said no. docs/reasons.md explains each."));
  if (!rows.length) {
    card.append(el("p", { class: "empty" }, "Nothing was refused."));
    return;
  }
  const most = rows[0].count;
  const total = rows.reduce((sum, row) => sum + row.count, 0);
  const columns = [["Reason", "words"], ["Count"], [""], ["First"], ["Last"]];
  const body = rows.map((row) => [
    el("td", { class: "words" }, words(row.reason), el("code", {}, row.reason)),
    count(row.count),
    bar(row.count, 0, most),
    day(row.first_ms),
    day(row.last_ms),
  ]);
  card.append(table(columns, body, ["All", count(total), "", "", ""]));
}

const COST_NAMES = { slippage: "Slippage", fees: "Fees", funding: "Funding and borrow" };

/** The sentence that holds what a round trip cost against what was assumed. */
function costSentence(bps) {
  if (bps === null) return "Slippage is inside the fill prices already.";
  const cost = `A round trip cost ${fixed(bps, 1)} bps of what was entered`;
  const assumed = page.costs.assumed_bps;
  if (assumed === null) return `${cost}. Slippage is inside the fill prices already.`;
  const gap = bps - assumed;
  if (Math.abs(gap) < 0.05) return `${cost}, as the policy assumes.`;
  return `${cost}; the policy assumes ${fixed(assumed, 1)}, which is ${fixed(Math.abs(gap), 1)} too ${gap > 0 ? "little" : "much"}.`;
}

function showCosts() {
  const card = byId("costs");
  const { parts, net, gross } = page.costs;
  const known = parts.every((part) => part.bps !== null);
  const bps = known ? parts.reduce((sum, part) => sum + part.bps, 0) : null;
  card.append(cardTop("Costs", costSentence(bps)));
  const sum = (key) => parts.reduce((total, part) => total + (part[key] || 0), 0);
  const most = Math.max(...parts.map((part) => Math.abs(part.total)), 0);
  const columns = [["", "words"], [run.currency], [""], ["Per trade"], ["Bps"]];
  const body = parts.map((part) => [
    COST_NAMES[part.name],
    money(part.total),
    bar(Math.max(part.total, 0), 0, most, "cost"),
    money(part.per_trade),
    fixed(part.bps, 1),
  ]);
  const perTrade = page.trades.total ? money(sum("per_trade")) : NOTHING;
  card.append(table(columns, body, ["All", money(sum("total")), "", perTrade, fixed(bps, 1)]));
  if (page.trades.total) {
    const line = [
      ["Closed trades before costs", moneySigned(gross), gross],
      ["Closed trades after costs", moneySigned(net), net],
    ];
    const after = line.map(([name, text, value]) => [name, toned(text, value)]);
    card.append(table([["", "words"], [""]], after));
  }
}

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const HEAT_MAX = 46;

function showMonths() {
  const card = byId("months");
  card.append(cardTop("Months", "Return of each month and year, per cent."));
  if (!page.months.length) {
    card.append(el("p", { class: "empty" }, "The run had no bar, so there is no month to show."));
    return;
  }
  const all = page.months.flatMap((year) => year.months).filter((value) => value !== null);
  // A single wild month must not make the others look flat.
  const sizes = all.map(Math.abs).sort((a, b) => a - b);
  const strong = sizes[Math.floor((sizes.length - 1) * 0.95)] || 1;
  const heat = (value) => {
    const cell = el("td", { class: "heat" }, value === null ? "" : signed(fixed(value, 1), value));
    const part = value === null ? 0 : Math.min(1, Math.abs(value) / strong);
    cell.style.setProperty("--heat", `${(part * HEAT_MAX).toFixed(1)}%`);
    cell.style.setProperty("--tone", value < 0 ? "var(--loss)" : "var(--gain)");
    return cell;
  };
  const total = (value) => el("td", { class: `total ${tone(value)}` }, signed(fixed(value, 1), value));
  const columns = [["Year", "words"], ...MONTHS.map((name) => [name]), ["Year"]];
  card.append(
    table(
      columns,
      page.months.map(({ year, months, total: sum }) => [String(year), ...months.map(heat), total(sum)]),
    ),
  );
}
