// Elements without markup: nothing that comes from data is ever parsed as HTML.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** Makes an element. Children are elements or texts; what is null or false is left out. */
export function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "class") made.className = value;
    else if (name === "data") Object.assign(made.dataset, value);
    else if (name === "value") made.value = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) {
      made.setAttribute(name, String(value));
    }
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** Replaces what an element holds. */
export function fill(place, ...children) {
  place.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return place;
}

/** Writes a text only where it changed, so that a reader of the page is not told again. */
export function say(place, text) {
  if (place && place.textContent !== text) place.textContent = text;
}

// Shapes, so that a colour is never the only sign. Drawn on 16 x 16.
const SHAPES = {
  run: "M4 2.5v11l9-5.5z",
  warn: "M8 1.5 15 14H1zM7.2 6v4h1.6V6zm0 5.2v1.5h1.6v-1.5z",
  reduce: "M8 14 2.5 7.5H6V2h4v5.5h3.5z",
  pause: "M3.5 2.5h3.2v11H3.5zm5.8 0h3.2v11H9.3z",
  stop: "M2.5 2.5h11v11h-11z",
  kill: "M5 1h6l4 4v6l-4 4H5l-4-4V5zM4.6 5.7 6.9 8l-2.3 2.3 1.1 1.1L8 9.1l2.3 2.3 1.1-1.1L9.1 8l2.3-2.3-1.1-1.1L8 6.9 5.7 4.6z",
  ask: "M5 5.2a3 3 0 1 1 4.4 2.7c-.5.3-.7.6-.7 1.1v.6H7.2V9c0-1.1.5-1.8 1.4-2.3A1.4 1.4 0 1 0 6.600 5.200zM7.200 11h1.600v1.700H7.200z",
  ok: "M6.4 12.300 2.300 8.200l1.400-1.400 2.700 2.700 5.900-5.900 1.400 1.400z",
  no: "m4 2.600 4 4 4-4L13.400 4l-4 4 4 4-1.400 1.400-4-4-4 4L2.600 12l4-4-4-4z",
  dash: "M3 7h10v2H3z",
  up: "M8 3 14 12H2z",
  down: "M8 13 2 4h12z",
  wait: "M8 1a7 7 0 1 1 0 14A7 7 0 0 1 8 1m0 1.600a5.400 5.400 0 1 0 0 10.800A5.400 5.400 0 0 0 8 2.600M7.200 4.500h1.600v3.200l2.300 2.200-1.100 1.200-2.800-2.700z",
  shield: "M8 1 14 3v4.500c0 3.600-2.500 6-6 7.500-3.500-1.500-6-3.900-6-7.500V3z",
};

/** Makes a shape. It says nothing by itself: a word stands beside it. */
export function icon(name, className = "") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("class", `icon ${className}`);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SHAPES[name] || SHAPES.ask);
  path.setAttribute("fill-rule", "evenodd");
  svg.append(path);
  return svg;
}

/** A word with a shape in a colour: ok, warn, bad, quiet, info. */
export function badge(kind, text, shape) {
  const shapes = { ok: "ok", warn: "warn", bad: "no", quiet: "dash", info: "wait" };
  return el("span", { class: `badge ${kind}` }, icon(shape || shapes[kind] || "dash"), el("span", {}, text));
}

/** What stands where there is nothing to show. */
export function empty(title, ...more) {
  return el("div", { class: "empty" }, el("p", { class: "lead" }, title), ...more.map((one) =>
    typeof one === "string" ? el("p", {}, one) : one));
}

/** A line of a terminal, with a button that copies it. */
export function command(text) {
  const button = el("button", { type: "button", class: "small" }, "Copy");
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(text);
      say(button, "Copied");
    } catch {
      say(button, "Select it and copy it");
    }
    setTimeout(() => say(button, "Copy"), 2000);
  });
  return el("div", { class: "command" }, el("code", {}, text), button);
}

/** A bar of how much of a limit is used: a fraction of one, and the same in words. */
export function meter(used, label, inWords = true) {
  if (used === null || used === undefined || !Number.isFinite(used)) {
    return el("span", { class: "quiet" }, "not known");
  }
  const kind = used >= 1 ? "bad" : used >= 0.75 ? "warn" : "ok";
  const bar = el("progress", { class: `meter ${kind}`, max: 1, value: Math.min(Math.max(used, 0), 1), "aria-label": label });
  const percent = `${used >= 0.1 || used === 0 ? Math.round(used * 100) : (used * 100).toFixed(1)}%`;
  return el("span", { class: "metered" }, bar, inWords ? el("span", { class: "num" }, percent) : null);
}

/** A name and its value, for lists of facts. */
export function facts(pairs) {
  const list = el("dl", { class: "facts" });
  for (const [name, value] of pairs) {
    if (value === null || value === undefined || value === "") continue;
    list.append(el("div", {}, el("dt", {}, name), el("dd", {}, value)));
  }
  return list;
}
