// The equity curve of the account.

import { axis, draw, faded, layout, wall } from "./charts.js";
import { asMs, money } from "./format.js";

/** Draws the points [{ts_ns | ts, equity}], oldest first. */
export function drawEquity(place, points, currency, dayStart) {
  const some = points.filter((one) => Number.isFinite(Number(one.equity)));
  return draw(place, (c) => {
    if (some.length < 2) return null;
    const x = some.map((one) => wall(asMs(one.ts_ns ?? one.ts)));
    const y = some.map((one) => Number(one.equity));
    const up = dayStart === null ? y[y.length - 1] >= y[0] : y[y.length - 1] >= dayStart;
    const line = up ? c.gain : c.loss;
    const shapes = dayStart === null ? [] : [{
      type: "line", xref: "paper", x0: 0, x1: 1, y0: dayStart, y1: dayStart, line: { color: c.edge, width: 1, dash: "dot" },
    }];
    const low = Math.min(...y, dayStart ?? Infinity);
    const high = Math.max(...y, dayStart ?? -Infinity);
    const room = (high - low || Math.abs(high) * 0.01 || 1) * 0.12;
    return {
      data: [
        { x, y: y.map(() => low - room), mode: "lines", line: { width: 0 }, hoverinfo: "skip" },
        {
          x, y, mode: "lines", line: { color: line, width: 2 }, fill: "tonexty", fillcolor: faded(line, 0.1),
          text: some.map((one) => money(one.equity)), hovertemplate: `%{text} ${currency}<extra></extra>`,
        },
      ],
      layout: layout(c, {
        hovermode: "x unified", shapes,
        xaxis: axis(c, { type: "date", showgrid: false, nticks: place.clientWidth < 500 ? 4 : 9 }),
        yaxis: axis(c, { range: [low - room, high + room], tickformat: ",.2~f", side: "right", nticks: 6, fixedrange: true }),
      }),
    };
  }, "The curve begins with the first bars. Nothing was traded yet.");
}
