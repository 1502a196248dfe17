// Candlesticks with what was done on them: fills, stops, and the entry of the position.

import { axis, draw, layout, plain } from "./charts.js";
import { asMs, exact, timeText, words } from "./format.js";

const EDGE_BARS = 3; // of empty room at the right
const LABEL_PX = 110; // between two times on the axis

/**
 * Draws bars, fills, where stops rested and for how long, and the position with its stop of now.
 * Bars stand side by side whatever their times are: a night or a weekend leaves no hole.
 */
export function drawCandles(place, { bars, fills, stops, position }) {
  return draw(place, (c) => {
    if (bars.length === 0) return null;
    const ms = bars.map((one) => asMs(one.ts_ns));
    const end = bars.length - 1 + EDGE_BARS;
    const held = levels(c, position);
    return {
      data: [candles(c, bars, ms), ...marks(c, fills, ms)],
      layout: layout(c, {
        hovermode: "closest", margin: { l: 8, r: 96, t: 8, b: 8 },
        shapes: [...rested(c, stops, ms, end), ...held.filter((one) => !isDrawn(one, stops)).map((one) => line(one, 0, end))],
        annotations: held.map((one) => tag(c, one)),
        xaxis: axis(c, { ...times(ms, place.clientWidth), range: [-1, end], rangeslider: { visible: false }, showgrid: false, showspikes: false }),
        yaxis: axis(c, { side: "right", nticks: 8, tickformat: ",~f" }),
      }),
    };
  }, "No bars of this symbol came in yet.");
}

/** Where a moment is among the bars: a bar's time is that of its close. */
function placeOf(ms, at) {
  let low = 0;
  let high = ms.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ms[middle] < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The times under the axis: as many as fit, the day where the bars are far apart. */
function times(ms, width) {
  const every = Math.max(1, Math.ceil(ms.length / Math.max(2, Math.floor(width / LABEL_PX))));
  const places = ms.map((_, i) => i).filter((i) => i % every === Math.floor(every / 2));
  const spread = ms[ms.length - 1] - ms[0];
  const options = spread < 2 * 86_400_000 ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" } : spread < 300 * 86_400_000 ? { day: "numeric", month: "short" } : { month: "short", year: "numeric" };
  const said = new Intl.DateTimeFormat("en-GB", options);
  return { tickmode: "array", tickvals: places, ticktext: places.map((i) => said.format(new Date(ms[i]))) };
}

function candles(c, bars, ms) {
  const column = (name) => bars.map((one) => Number(one[name]));
  return {
    type: "candlestick", x: ms.map((_, i) => i), open: column("open"), high: column("high"), low: column("low"), close: column("close"),
    increasing: { line: { color: c.gain, width: 1 }, fillcolor: c.card },
    decreasing: { line: { color: c.loss, width: 1 }, fillcolor: c.loss },
    name: "", hoverinfo: "text",
    text: bars.map((one, i) => `${timeText(ms[i])}<br>open ${exact(one.open)}<br>high ${exact(one.high)}<br>low ${exact(one.low)}<br>close ${exact(one.close)}`),
  };
}

function marks(c, fills, ms) {
  return [["BUY", "triangle-up", c.gain], ["SELL", "triangle-down", c.loss]].map(([side, symbol, color]) => {
    const some = fills.filter((one) => one.side === side).map((one) => [one, placeOf(ms, asMs(one.ts_ns))])
      .filter(([one, at]) => at < ms.length + EDGE_BARS && asMs(one.ts_ns) >= ms[0]);
    return {
      type: "scatter", mode: "markers", name: side, x: some.map(([, at]) => at), y: some.map(([one]) => Number(one.price)),
      marker: { symbol, size: 13, color, line: { color: c.text, width: 1.2 } },
      text: some.map(([one]) => `${side === "BUY" ? "bought" : "sold"} ${exact(one.quantity)} at ${exact(one.price)}<br>${plain(words(one.role))} ${plain(one.order || "")}<br>${timeText(one.ts_ns)}`),
      hovertemplate: "%{text}<extra></extra>",
    };
  });
}

/** Where each stop rested, from when to when. */
function rested(c, stops, ms, end) {
  return stops.map((one) => ({ from: placeOf(ms, asMs(one.from_ns)), to: one.to_ns ? placeOf(ms, asMs(one.to_ns)) : end, until: one.to_ns ? asMs(one.to_ns) : Infinity, y: Number(one.price) }))
    .filter((one) => one.until >= ms[0] && one.from < ms.length && one.y > 0)
    .map((one) => line({ y: one.y, color: c["stop-mark"], dash: "dash" }, one.from - 0.5, one.to + 0.5));
}

const isDrawn = (level, stops) => level.text === "stop" && stops.some((one) => !one.to_ns && Number(one.price) === level.y);

/** What holds now: the entry of the position and its stop. */
function levels(c, position) {
  if (!position) return [];
  const found = [{ y: Number(position.entry), text: "entry", color: c.entry, dash: "solid" }];
  if (position.stop) found.push({ y: Number(position.stop), text: "stop", color: c["stop-mark"], dash: "dash" });
  return found.filter((one) => Number.isFinite(one.y) && one.y > 0);
}

const line = (one, from, to) => ({
  type: "line", x0: from, x1: to, y0: one.y, y1: one.y, line: { color: one.color, width: 1.5, dash: one.dash },
});

const tag = (c, one) => ({
  xref: "paper", x: 1, xanchor: "left", y: one.y, yanchor: "middle", showarrow: false, bgcolor: one.color, borderpad: 3,
  text: `${one.text} ${exact(String(one.y))}`, font: { color: c.card, size: 11 },
});
