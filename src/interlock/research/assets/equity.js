// Equity with its drawdown below; where entries were stopped, both are shaded.

const SHADES_MAX = 400;

/** What holding the only instrument from its first open would have done to the same money. */
function heldInstead() {
  if (page.bars.length !== 1) return null;
  const [bars] = page.bars;
  const first = bars.open.find((price) => price > 0);
  if (first === undefined) return null;
  return {
    x: unpackTimes(bars.times),
    y: bars.close.map((price) => (price === null ? null : (summary.equity_start * price) / first)),
    name: `Buy and hold ${plain(bars.symbol)} (click)`,
  };
}

function shades(c) {
  const longest = [...page.latches.stopped]
    .sort((a, b) => b[1] - b[0] - (a[1] - a[0]))
    .slice(0, SHADES_MAX);
  return longest.map(([from, to]) => ({
    type: "rect",
    layer: "below",
    xref: "x",
    yref: "paper",
    x0: from,
    x1: to,
    y0: 0,
    y1: 1,
    line: { width: 0 },
    fillcolor: faded(c.stopped, 0.14),
  }));
}

/** The lines of the chart; `held` is null where several instruments shared the account. */
function equityLines(c, times, depths, held, heldVisible) {
  const mode = times.length === 1 ? "markers" : "lines";
  const lines = [
    {
      x: times,
      y: page.equity.equity,
      mode,
      name: "Equity",
      line: { color: c.accent, width: 1.8 },
      fill: "tozeroy",
      fillcolor: faded(c.accent, 0.08),
      hovertemplate: "%{y:,.2f}<extra>Equity</extra>",
    },
    {
      x: times,
      y: depths,
      mode,
      name: "Drawdown",
      yaxis: "y2",
      showlegend: false,
      line: { color: c.loss, width: 1.2 },
      fill: "tozeroy",
      fillcolor: faded(c.loss, 0.16),
      hovertemplate: "%{y:.2f}%<extra>Drawdown</extra>",
    },
  ];
  if (held) {
    const line = { color: c.benchmark, width: 1.3, dash: "dot" };
    const hovertemplate = "%{y:,.2f}<extra>Buy and hold</extra>";
    lines.push({ ...held, mode, line, hovertemplate, visible: heldVisible ? true : "legendonly" });
  }
  return lines;
}

function equityLayout(c, { view, range, depth, legend }) {
  return layout(c, {
    hovermode: "x unified",
    hoversubplots: "axis",
    showlegend: legend,
    shapes: shades(c),
    xaxis: axis(c, { type: "date", anchor: "y2", ...(view ? { range: view } : { autorange: true }) }),
    yaxis: axis(c, {
      domain: [0.31, 1],
      range,
      fixedrange: true,
      title: titled(c, run.currency),
      tickformat: ",~f",
    }),
    yaxis2: axis(c, {
      domain: [0, 0.25],
      range: depth && [Math.min(depth[0], -0.01), 0],
      fixedrange: true,
      title: titled(c, "Drawdown"),
      ticksuffix: "%",
      nticks: 4,
    }),
  });
}

function showEquity() {
  const card = byId("equity");
  const { equity, drawdown_pct: falls } = page.equity;
  const shaded = page.latches.stopped.length ? "Shaded: a latch kept entries from being opened. " : "";
  card.append(cardTop("Equity and drawdown", `${shaded}Drag to zoom, double-click to see everything.`));
  if (!equity.length) {
    card.append(el("p", { class: "empty" }, "The run had no bar, so there is no equity to show."));
    return;
  }
  const times = unpackTimes(page.equity.times);
  const depths = falls.map((fall) => (fall === null ? null : -fall));
  const held = heldInstead();
  let heldVisible = false;
  let view = null;
  const build = (c) => {
    const from = view ? Math.max(0, lowerBound(times, view[0]) - 1) : 0;
    const to = view ? Math.min(times.length, lowerBound(times, view[1]) + 1) : times.length;
    const extremes = span(equity, from, to) || [];
    if (heldVisible) {
      const [first, last] = view || [held.x[0], held.x[held.x.length - 1]];
      const also = span(held.y, lowerBound(held.x, first), lowerBound(held.x, last) + 1);
      extremes.push(...(also || []));
    }
    return {
      data: equityLines(c, times, depths, held, heldVisible),
      layout: equityLayout(c, {
        view: view || aroundOne(times),
        range: extremes.length ? [Math.min(...extremes), Math.max(...extremes)] : null,
        depth: span(depths, from, to),
        legend: held !== null,
      }),
    };
  };
  const place = chartIn(card, "tall", "Equity over time, with the drawdown below it");
  const chart = draw(place, build);
  place.on("plotly_relayout", (event) => {
    const range = rangeOf(event);
    if (range === undefined) return;
    view = range;
    chart.again();
  });
  // The comparison may be hidden; the equity itself and its drawdown may not.
  place.on("plotly_legendclick", ({ curveNumber }) => {
    if (curveNumber === 2) {
      heldVisible = !heldVisible;
      chart.again();
    }
    return false;
  });
  place.on("plotly_legenddoubleclick", () => false);
}
