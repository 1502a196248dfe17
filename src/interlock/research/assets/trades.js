// The trades: sorted, filtered, a page at a time. Picking one shows it on the price chart.

const ROWS_PER_PAGE = 100;
const list = { sort: "exit_ms", down: false, page: 0, symbol: "", exit_reason: "", side: "" };

const costOf = (i) => {
  const t = page.trades;
  return (t.fees[i] || 0) + (t.slippage[i] || 0) + (t.funding[i] || 0);
};
const from = (name) => (i) => page.trades[name][i];
const named = (name) => (i) => nameAt(page.trades[name], i);

// Name, what it is sorted by, its text, and what its colour follows.
const COLUMNS = [
  { key: "id", name: "Trade", value: (i) => i, kind: "words" },
  { key: "symbol", name: "Symbol", value: named("symbol"), kind: "words" },
  { key: "side", name: "Side", value: named("side"), text: words, kind: "words" },
  { key: "entry_ms", name: "Entered", value: from("entry_ms"), text: moment },
  { key: "exit_ms", name: "Closed", value: from("exit_ms"), text: moment },
  { key: "bars_held", name: "Bars", value: from("bars_held"), text: count },
  { key: "quantity", name: "Quantity", value: from("quantity"), text: exact },
  { key: "entry_price", name: "Entry", value: from("entry_price"), text: priceText },
  { key: "exit_price", name: "Exit", value: from("exit_price"), text: priceText },
  { key: "exit_reason", name: "Closed by", value: named("exit_reason"), text: words, kind: "words" },
  { key: "pnl", name: "P&L", value: from("pnl"), text: moneySigned, toned: true },
  { key: "return_pct", name: "Return", value: from("return_pct"), text: (value) => percentSigned(value), toned: true },
  { key: "r_multiple", name: "R", value: from("r_multiple"), text: (value) => fixed(value, 2) },
  { key: "mae_pct", name: "MAE", value: from("mae_pct"), text: (value) => percent(value) },
  { key: "mfe_pct", name: "MFE", value: from("mfe_pct"), text: (value) => percent(value) },
  { key: "costs", name: "Costs", value: costOf, text: money },
];

function compare(a, b) {
  if (a === b) return 0;
  if (a === null) return 1;
  if (b === null) return -1;
  return typeof a === "string" ? a.localeCompare(b) : a - b;
}

/** The trades that pass the filters, in order; what has no value comes last either way. */
function wantedTrades() {
  const t = page.trades;
  const { value } = COLUMNS.find((column) => column.key === list.sort);
  const places = t.id.map((_, i) => i).filter((i) =>
    ["symbol", "exit_reason", "side"].every((name) => !list[name] || nameAt(t[name], i) === list[name]));
  const way = list.down ? -1 : 1;
  return places.sort((a, b) => {
    const [left, right] = [value(a), value(b)];
    const order = compare(left, right);
    return left === null || right === null ? order : way * order || a - b;
  });
}

function tradeRow(i) {
  const cells = COLUMNS.map((column) => {
    if (column.key === "id") {
      const pick = el("button", { type: "button", class: "link", title: "Show on the price chart", onclick: () => focusTrade(i) }, page.trades.id[i]);
      return el("td", { class: "words" }, pick);
    }
    const value = column.value(i);
    const text = column.text ? column.text(value, i) : value;
    return el("td", { class: `${column.kind || ""} ${column.toned ? tone(value) : ""}`.trim() }, text);
  });
  return el("tr", {}, ...cells);
}

function refreshTrades() {
  const places = wantedTrades();
  const pages = Math.max(1, Math.ceil(places.length / ROWS_PER_PAGE));
  list.page = Math.min(list.page, pages - 1);
  const first = list.page * ROWS_PER_PAGE;
  const shown = places.slice(first, first + ROWS_PER_PAGE);
  const card = byId("trades");
  card.querySelector("tbody").replaceChildren(...shown.map(tradeRow));
  card.querySelectorAll("th").forEach((head, i) => {
    const way = COLUMNS[i].key !== list.sort ? "none" : list.down ? "descending" : "ascending";
    head.setAttribute("aria-sort", way);
  });
  const sum = places.reduce((total, i) => total + (page.trades.pnl[i] || 0), 0);
  const range = places.length ? `${count(first + 1)} to ${count(first + shown.length)} of ${count(places.length)}` : "No trade";
  const listed = page.trades.id.length < page.trades.total ? " of those listed here" : "";
  card.querySelector(".range").textContent = `${range}, P&L ${moneySigned(sum)} ${run.currency}${listed}`;
  const [back, on] = card.querySelectorAll(".pages button");
  back.disabled = list.page === 0;
  on.disabled = list.page >= pages - 1;
}

function sorter({ key, name }) {
  return el("button", { type: "button", onclick: () => {
    list.down = list.sort === key ? !list.down : key !== "id" && key !== "symbol";
    list.sort = key;
    list.page = 0;
    refreshTrades();
  } }, name);
}

function filter(name, label) {
  const { names } = page.trades[name];
  if (names.length < 2) return null;
  const text = (value) => (name === "symbol" ? value : words(value));
  const options = names.map((value) => el("option", { value }, text(value)));
  const choice = el("select", { "aria-label": label, "data-filter": name }, el("option", { value: "" }, label), ...options);
  choice.addEventListener("change", () => {
    list[name] = choice.value;
    list.page = 0;
    refreshTrades();
  });
  return choice;
}

function turn(by) {
  list.page += by;
  refreshTrades();
  byId("trades").querySelector(".scroll").scrollTop = 0;
}

function showTrades() {
  const card = byId("trades");
  const { id, total } = page.trades;
  const all = id.length === total
    ? `${plural(total, "closed trade")}. Pick one to see it on the price chart.`
    : `${count(id.length)} of ${count(total)}: the best, the worst, and evenly between. All are in trades.parquet.`;
  const filters = [filter("symbol", "All symbols"), filter("side", "Both sides"), filter("exit_reason", "All exits")];
  card.append(cardTop("Trades", all, ...filters));
  if (!total) {
    card.append(el("p", { class: "empty" }, "No trade was closed."));
    return;
  }
  const heads = COLUMNS.map((column) => el("th", { class: column.kind || "", scope: "col" }, sorter(column)));
  const head = el("thead", {}, el("tr", {}, ...heads));
  card.append(
    el("div", { class: "scroll", tabindex: "0" }, el("table", {}, head, el("tbody", {}))),
    el(
      "div",
      { class: "pages" },
      el("button", { type: "button", onclick: () => turn(-1) }, "Previous"),
      el("button", { type: "button", onclick: () => turn(1) }, "Next"),
      el("span", { class: "range", "aria-live": "polite" }),
    ),
  );
  refreshTrades();
}
