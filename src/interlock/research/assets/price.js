// Prices with the trades on them: candles where there is room for them, else a line of closes.

const CANDLES_MAX = 320;
const MARKS_MAX = 500;
const JOINS_MAX = 60; // and from there on smaller marks
const AROUND_BARS = 45;

const price = { symbol: 0, view: null, trade: null, chart: null };

/** How many digits the prices of each symbol have, so that they line up under each other. */
const priceDigits = new Map(
  page.bars.map((bars) => {
    const some = bars.close.filter((_, i) => i % Math.ceil(bars.close.length / 500) === 0);
    const lengths = some.map((value) => (exact(value).split(".")[1] || "").length);
    return [bars.symbol, Math.max(0, ...lengths)];
  }),
);

/** The trades of a symbol, as places in the table's columns. */
function tradesOf(symbol) {
  const { names, rows } = page.trades.symbol;
  const wanted = names.indexOf(symbol);
  const found = [];
  rows.forEach((name, place) => {
    if (name === wanted) found.push(place);
  });
  return found;
}

/** Those in view, and of very many the ones that moved most. */
function tradesInView(places, from, to) {
  const { entry_ms: entry, exit_ms: exit, pnl } = page.trades;
  const seen = places.filter((i) => exit[i] >= from && entry[i] <= to);
  if (seen.length <= MARKS_MAX) return [seen, seen.length];
  const most = [...seen].sort((a, b) => Math.abs(pnl[b]) - Math.abs(pnl[a]));
  return [most.slice(0, MARKS_MAX).sort((a, b) => a - b), seen.length];
}

const nameAt = (column, i) => column.names[column.rows[i]];
const priceText = (value, i) => fixed(value, priceDigits.get(nameAt(page.trades.symbol, i)) ?? 4);

function entryText(i) {
  const t = page.trades;
  return (
    `${plain(words(nameAt(t.side, i)))} ${plain(t.id[i])}<br>entered ${moment(t.entry_ms[i])}` +
    `<br>${exact(t.quantity[i])} at ${priceText(t.entry_price[i], i)}`
  );
}

function exitText(i) {
  const t = page.trades;
  const multiple = t.r_multiple[i] === null ? "" : `, ${signed(fixed(t.r_multiple[i], 2), t.r_multiple[i])} R`;
  return (
    `${plain(words(nameAt(t.exit_reason, i)))}: ${moneySigned(t.pnl[i])} ${plain(run.currency)}` +
    `<br>${percentSigned(t.return_pct[i])}${multiple}<br>closed ${plain(t.id[i])} ${moment(t.exit_ms[i])}` +
    `<br>${exact(t.quantity[i])} at ${priceText(t.exit_price[i], i)}`
  );
}

function marks(name, places, x, y, text, marker) {
  return {
    x: places.map((i) => x[i]),
    y: places.map((i) => y[i]),
    customdata: places.map(text),
    name,
    mode: "markers",
    hovertemplate: "%{customdata}<extra></extra>",
    marker,
  };
}

/** Marks that differ in shape as well as in colour, for eyes that see no red or no green. */
function tradeMarks(c, places) {
  const { side, entry_ms: entry, exit_ms: exit, entry_price: paid, exit_price: got, pnl } = page.trades;
  const edge = { color: c.card, width: 1 };
  const scale = places.length > JOINS_MAX ? 0.7 : 1;
  const look = (symbol, color, size) => ({ symbol, color, size: size * scale, line: edge });
  const isShort = (i) => nameAt(side, i) === "short";
  const long = places.filter((i) => !isShort(i));
  const short = places.filter(isShort);
  const won = places.filter((i) => pnl[i] > 0);
  const lost = places.filter((i) => !(pnl[i] > 0));
  return [
    marks("Long entry", long, entry, paid, entryText, look("triangle-up", c.accent, 11)),
    marks("Short entry", short, entry, paid, entryText, look("triangle-down", c.accent, 11)),
    marks("Exit with a gain", won, exit, got, exitText, look("circle", c.gain, 9)),
    marks("Exit with a loss", lost, exit, got, exitText, look("x", c.loss, 8)),
  ].filter((trace) => trace.x.length);
}

/** A thin line from each entry to its exit. */
function tradeJoins(c, places, won) {
  const t = page.trades;
  const x = [];
  const y = [];
  for (const i of places.filter((place) => t.pnl[place] > 0 === won)) {
    x.push(t.entry_ms[i], t.exit_ms[i], null);
    y.push(t.entry_price[i], t.exit_price[i], null);
  }
  const line = { color: won ? c.gain : c.loss, width: 1.4, dash: "dot" };
  return { x, y, mode: "lines", line, hoverinfo: "skip", showlegend: false };
}

/** The stop and the target of the trade that was picked from the table. */
function levels(c) {
  if (price.trade === null) return [];
  const t = page.trades;
  const i = price.trade;
  const level = (name, value, color) => ({
    x: [t.entry_ms[i], t.exit_ms[i]],
    y: [value, value],
    mode: "lines",
    name,
    line: { color, width: 1.6, dash: "dash" },
    hovertemplate: `${name} ${priceText(value, i)}<extra></extra>`,
  });
  return [
    t.stop_price[i] === null ? null : level("Stop", t.stop_price[i], c.loss),
    t.target_price[i] === null ? null : level("Target", t.target_price[i], c.gain),
  ].filter((trace) => trace !== null);
}

function priceTrace(c, bars, times, from, to) {
  const cut = (values) => values.slice(from, to);
  const x = times.slice(from, to);
  if (x.length > CANDLES_MAX) {
    const line = { color: c.quiet, width: 1.2 };
    const hovertemplate = "%{y}<extra>Close</extra>";
    return { x, y: cut(bars.close), mode: "lines", name: "Close", line, hovertemplate };
  }
  return {
    type: "candlestick",
    x,
    open: cut(bars.open),
    high: cut(bars.high),
    low: cut(bars.low),
    close: cut(bars.close),
    name: "Price",
    showlegend: false,
    increasing: { line: { color: c.gain, width: 1 }, fillcolor: faded(c.gain, 0.35) },
    decreasing: { line: { color: c.loss, width: 1 }, fillcolor: faded(c.loss, 0.75) },
  };
}

function buildPrice(c, say) {
  const bars = page.bars[price.symbol];
  const times = unpackTimes(bars.times);
  const last = times.length;
  const [first, end] = price.view || [times[0], times[last - 1]];
  // A little beyond what is in view, so that a line reaches the edges.
  const from = Math.max(0, lowerBound(times, first) - 1);
  const to = Math.min(last, lowerBound(times, end) + 1);
  const [places, seen] = tradesInView(tradesOf(bars.symbol), first, price.view ? end : Infinity);
  const main = priceTrace(c, bars, times, from, to);
  const few = places.length <= JOINS_MAX;
  const joins = few ? [tradeJoins(c, places, true), tradeJoins(c, places, false)] : [];
  const data = [main, ...joins, ...levels(c), ...tradeMarks(c, places)];
  const low = span(bars.low, from, to) || [0, 1];
  const high = span(bars.high, from, to) || [0, 1];
  const range = price.view || aroundOne(times);
  const room = (times[last - 1] - times[0]) * 0.01;
  say(bars, places.length, seen);
  return {
    data,
    layout: layout(c, {
      hovermode: "closest",
      xaxis: axis(c, {
        type: "date",
        rangeslider: { visible: false },
        ...(range ? { range } : { autorange: true }),
        // Marks at the edges would otherwise make room for themselves.
        autorangeoptions: { clipmin: times[0] - room, clipmax: times[last - 1] + room },
      }),
      yaxis: axis(c, { range: [low[0], high[1]], fixedrange: true, tickformat: ",~f" }),
    }),
  };
}

function sayPrice(sentence, bars, shown, seen) {
  const parts = [];
  if (bars.joined > 1) parts.push(`Each step is ${count(bars.joined)} bars of the file.`);
  if (shown < seen) parts.push(`${count(shown)} of ${count(seen)} trades in view are marked; zoom in for the rest.`);
  else parts.push(`${plural(shown, "trade")} in view.`);
  if (bars.close.length > CANDLES_MAX && !price.view) parts.push("Drag to zoom in for candles.");
  parts.push("Hover a mark for its trade.");
  sentence.textContent = parts.join(" ");
  byId("whole").disabled = price.view === null;
}

/** Shows one trade of the table: its bars, its marks, its stop and its target. */
function focusTrade(i) {
  const symbol = nameAt(page.trades.symbol, i);
  const place = page.bars.findIndex((bars) => bars.symbol === symbol);
  if (place < 0 || !price.chart) return;
  const times = unpackTimes(page.bars[place].times);
  const from = lowerBound(times, page.trades.entry_ms[i]) - AROUND_BARS;
  const to = lowerBound(times, page.trades.exit_ms[i]) + AROUND_BARS;
  price.symbol = place;
  price.trade = i;
  price.view = [times[Math.max(0, from)], times[Math.min(times.length - 1, to)]];
  byId("symbol").value = String(place);
  price.chart.again();
  byId("price").scrollIntoView();
}

function showPrice() {
  const card = byId("price");
  const options = page.bars.map((bars, i) => el("option", { value: i }, bars.symbol));
  const choice = el("select", { id: "symbol", "aria-label": "Symbol" }, ...options);
  const all = el("button", { id: "whole", type: "button" }, "Whole period");
  const top = cardTop("Price and trades", " ", choice, all);
  card.append(top);
  if (!page.bars.some((bars) => bars.close.length)) {
    card.append(el("p", { class: "empty" }, "There are no bars to show."));
    return;
  }
  const sentence = top.querySelector(".say");
  const place = chartIn(card, "price", "Price over time, with entries and exits");
  price.chart = draw(place, (c) => buildPrice(c, (...facts) => sayPrice(sentence, ...facts)));
  const whole = () => {
    price.view = null;
    price.trade = null;
    price.chart.again();
  };
  choice.addEventListener("change", () => {
    price.symbol = Number(choice.value);
    whole();
  });
  all.addEventListener("click", whole);
  place.on("plotly_relayout", (event) => {
    const range = rangeOf(event);
    if (range === undefined) return;
    price.view = range;
    if (range === null) price.trade = null;
    price.chart.again();
  });
}
