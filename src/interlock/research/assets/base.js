// What every part of the page uses: the data, elements without markup, and numbers as text.

const page = JSON.parse(document.getElementById("data").textContent);
const { run, summary } = page;

const MINUS = "\u2212";
const NOTHING = "\u2013";

/** Makes an element. Text is text: nothing that comes from a file is ever parsed as markup. */
function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "class") made.className = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) made.setAttribute(name, String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const byId = (id) => document.getElementById(id);

/** Makes the first line of a card: its name, a sentence, and its tools on the right. */
function cardTop(name, sentence, ...tools) {
  return el(
    "div",
    { class: "top" },
    el("h2", {}, name),
    sentence ? el("p", { class: "say" }, sentence) : null,
    tools.length ? el("div", { class: "tools" }, ...tools) : null,
  );
}

/**
 * Plotly reads a little markup in its texts; after this there is none to read. Of our own we use
 * <br> alone: bold text would need a style attribute, which the page's policy forbids.
 */
function plain(text) {
  return String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

// --- numbers ---------------------------------------------------------------------------------

const formats = new Map();

function fixed(value, digits) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  if (!formats.has(digits)) {
    const options = { minimumFractionDigits: digits, maximumFractionDigits: digits };
    formats.set(digits, new Intl.NumberFormat("en-US", options));
  }
  const text = formats.get(digits).format(Math.abs(value));
  const negative = value < 0 && /[1-9]/.test(text);
  return negative ? MINUS + text : text;
}

/** A price or a quantity: as many digits as it has, and no more than eight after the point. */
function exact(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) return NOTHING;
  const text = Math.abs(value).toLocaleString("en-US", { maximumFractionDigits: 8 });
  return value < 0 ? MINUS + text : text;
}

const signed = (text, value) => (value > 0 && /[1-9]/.test(text) ? `+${text}` : text);
const count = (value) => fixed(value, 0);
const plural = (value, one, many) => `${count(value)} ${value === 1 ? one : many || `${one}s`}`;

// Cents for an account of dollars, finer for one that is kept in coins.
const moneyDigits = Math.abs(summary.equity_start) >= 100 ? 2 : 6;
const money = (value) => fixed(value, moneyDigits);
const moneySigned = (value) => signed(money(value), value);
const percent = (value, digits = 2) => {
  const text = fixed(value, digits);
  return text === NOTHING ? text : `${text}%`;
};
const percentSigned = (value, digits = 2) => signed(percent(value, digits), value);
const tone = (value) => (value > 0 ? "gain" : value < 0 ? "loss" : "");

// --- time ------------------------------------------------------------------------------------

const DAY_S = 86400;

/** A moment in UTC; without its hour at midnight. */
function moment(ms) {
  if (ms === null || ms === undefined) return NOTHING;
  const text = new Date(ms).toISOString();
  const hour = text.slice(11, text.slice(17, 19) === "00" ? 16 : 19);
  return hour === "00:00" ? text.slice(0, 10) : `${text.slice(0, 10)} ${hour}`;
}

const day = (ms) => (ms === null ? NOTHING : new Date(ms).toISOString().slice(0, 10));

function duration(seconds) {
  if (seconds === null || seconds === undefined) return NOTHING;
  const units = [["year", 365.25 * DAY_S], ["day", DAY_S], ["hour", 3600], ["minute", 60], ["second", 1]];
  const [name, unit] = units.find(([, size]) => seconds >= 2 * size) || units[units.length - 1];
  const value = seconds / unit;
  const rounded = value < 20 ? Math.round(value * 10) / 10 : Math.round(value);
  return `${exact(rounded)} ${name}${rounded === 1 ? "" : "s"}`;
}

/** Undoes how times are packed: a start and steps in a unit. */
function unpackTimes({ start, unit, steps }) {
  const times = new Array(steps.length);
  let now = start;
  for (let i = 0; i < steps.length; i += 1) {
    now += steps[i] * unit;
    times[i] = now;
  }
  return times;
}

/** The first place in ascending `values` that is not below `value`. */
function lowerBound(values, value) {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

// --- names -----------------------------------------------------------------------------------

const ABBREVIATIONS = new Set(["ATR"]);

/** "STOP_LOSS" as people write it: "Stop loss". */
function words(name) {
  if (!name) return "None";
  const parts = String(name)
    .split("_")
    .map((part) => (ABBREVIATIONS.has(part) ? part : part.toLowerCase()));
  const text = parts.join(" ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
