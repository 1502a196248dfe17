// Charts: one look for all of them, drawn again when the colour scheme changes.

const SETTINGS = {
  responsive: true,
  displaylogo: false,
  showTips: false,
  displayModeBar: "hover",
  // These and no other: some of plotly's buttons would send the data away.
  modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
  plotlyServerURL: "",
  toImageButtonOptions: { format: "png", scale: 2 },
};

const drawn = [];
const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** The colours that hold at the moment, by the names of the style sheet. */
function colours() {
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  const names = ["card", "line", "grid", "text", "quiet", "accent", "gain", "loss", "stopped"];
  names.push("benchmark", "sunk");
  return Object.fromEntries(names.map((name) => [name, colour(name)]));
}

/** A colour of the style sheet, #rrggbb, with an opacity from 0 to 1. */
function faded(colour, opacity) {
  const part = (from) => parseInt(colour.slice(from, from + 2), 16);
  return `rgba(${part(1)},${part(3)},${part(5)},${opacity})`;
}

function axis(c, more) {
  return {
    gridcolor: c.grid,
    linecolor: c.line,
    spikecolor: c.quiet,
    spikethickness: 1,
    spikedash: "solid",
    zeroline: false,
    tickfont: { color: c.quiet, size: 11 },
    automargin: true,
    fixedrange: false,
    ...more,
  };
}

/** A title beside an axis. */
const titled = (c, text) => ({ text, font: { color: c.quiet, size: 11 }, standoff: 8 });

function layout(c, more) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, color: c.text, size: 12 },
    margin: { l: 8, r: 8, t: 8, b: 8 },
    hoverlabel: {
      bgcolor: c.card,
      bordercolor: c.line,
      font: { color: c.text, size: 12 },
      align: "left",
    },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: c.quiet, activecolor: c.text },
    legend: { orientation: "h", x: 0, y: 1.01, yanchor: "bottom", font: { color: c.quiet } },
    dragmode: "zoom",
    separators: ".,",
    ...more,
  };
}

/** Draws a chart and keeps it in step with the colour scheme; `build` returns data and layout. */
function draw(place, build) {
  const { data, layout: look } = build(colours());
  Plotly.newPlot(place, data, look, SETTINGS);
  const chart = {
    place,
    again() {
      const next = build(colours());
      Plotly.react(place, next.data, next.layout, SETTINGS);
    },
  };
  drawn.push(chart);
  return chart;
}

/** Puts a chart's place into a card and returns it. */
function chartIn(card, kind, label) {
  const place = el("div", { class: `chart ${kind}`, role: "img", "aria-label": label });
  card.append(place);
  return place;
}

dark.addEventListener("change", () => drawn.forEach((chart) => chart.again()));

/** Lowest and highest of some numbers with a little room, or null without any. */
function span(values, from = 0, to = values.length) {
  let low = Infinity;
  let high = -Infinity;
  for (let i = from; i < to; i += 1) {
    const value = values[i];
    if (value === null) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) return null;
  const room = (high - low || Math.abs(high) || 1) * 0.06;
  return [low - room, high + room];
}

/** A range for a chart of one moment, which has none of its own; null for all others. */
function aroundOne(times) {
  const half = DAY_S * 1000;
  return times.length === 1 ? [times[0] - half, times[0] + half] : null;
}

/** What an event of the chart says about the range of x: [from, to] in ms, null for all. */
function rangeOf(event) {
  const both = event["xaxis.range"];
  const from = both ? both[0] : event["xaxis.range[0]"];
  const to = both ? both[1] : event["xaxis.range[1]"];
  if (from !== undefined && to !== undefined) return [asMs(from), asMs(to)];
  return event["xaxis.autorange"] ? null : undefined;
}

/** Plotly gives dates as numbers or as text without a zone, which is UTC. */
function asMs(date) {
  if (typeof date === "number") return date;
  return Date.parse(`${date.replace(" ", "T")}${date.length > 10 ? "Z" : ""}`);
}
