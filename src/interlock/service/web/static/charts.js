// Charts: plotly is fetched when the page stands already, and draws in the page's own colours.

import { el, fill, empty } from "./dom.js";

const SETTINGS = { responsive: true, displaylogo: false, displayModeBar: false, showTips: false, plotlyServerURL: "" };
const drawn = new Map();
let asked = null;

/** Fetches plotly once. It brings a style sheet for maps unless an element with its id is there. */
export function plotly() {
  if (asked) return asked;
  asked = new Promise((resolve, reject) => {
    for (const id of (document.body.dataset.maps || "").split(" ").filter(Boolean)) {
      document.head.append(el("template", { id }));
    }
    const script = el("script", { src: document.body.dataset.plotly, async: true });
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => reject(new Error("What draws the charts could not be fetched.")));
    document.head.append(script);
  });
  return asked;
}

/** The colours that hold at the moment, by the names of the style sheet. */
export function colours() {
  const style = getComputedStyle(document.documentElement);
  const names = ["card", "line", "grid", "text", "quiet", "accent", "gain", "loss", "entry", "stop-mark", "edge"];
  return Object.fromEntries(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}

/** A colour #rrggbb with an opacity. */
export function faded(colour, opacity) {
  const part = (from) => parseInt(colour.slice(from, from + 2), 16);
  return `rgba(${part(1)},${part(3)},${part(5)},${opacity})`;
}

export function axis(c, more) {
  return {
    gridcolor: c.grid, linecolor: c.line, zeroline: false, tickfont: { color: c.quiet, size: 11 },
    automargin: true, tickangle: 0, showspikes: true, spikecolor: c.edge, spikethickness: 1, spikedash: "dot", spikemode: "across", ...more,
  };
}

export function layout(c, more) {
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", showlegend: false, dragmode: "zoom",
    font: { family: getComputedStyle(document.body).fontFamily, color: c.text, size: 12 },
    margin: { l: 8, r: 8, t: 8, b: 8 }, separators: ".,",
    hoverlabel: { bgcolor: c.card, bordercolor: c.edge, font: { color: c.text, size: 12 }, align: "left" },
    ...more,
  };
}

/** Plotly reads a little markup in its texts; after this there is none to read. */
export const plain = (text) =>
  String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** Times as plotly shows them: it knows no zones, so it is told the viewer's clock as if it were UTC. */
export const wall = (ms) => new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 23);

/** Draws or redraws a chart. `build(colours)` returns {data, layout}, or null where nothing is to draw. */
export async function draw(place, build, nothing = "Nothing to draw yet.") {
  drawn.set(place, [build, nothing]);
  let Plotly;
  try {
    Plotly = await plotly();
  } catch (error) {
    fill(place, empty(error.message));
    return;
  }
  if (drawn.get(place)?.[0] !== build) return; // something newer is on its way
  const made = build(colours());
  if (made === null) {
    Plotly.purge(place);
    fill(place, empty(nothing));
    return;
  }
  if (!place.classList.contains("js-plotly-plot")) place.replaceChildren();
  await Plotly.react(place, made.data, made.layout, SETTINGS);
}

window.addEventListener("colours", () => drawn.forEach(([build, nothing], place) => draw(place, build, nothing)));
