// Numbers, times and names as people read them. Money arrives as text and is never made a float.

import { el } from "./dom.js";

const MINUS = "\u2212";
export const NOTHING = "\u2013";
const DECIMAL = /^([+-]?)(\d+)(?:\.(\d*))?$/;

const grouped = (digits) => digits.replace(/\B(?=(\d{3})+(?!\d))/g, ",");

function parts(value) {
  const found = DECIMAL.exec(String(value ?? "").trim());
  return found ? { minus: found[1] === "-", whole: found[2], part: found[3] || "" } : null;
}

/** A decimal with so many digits after the point, rounded half away from zero. */
export function fixed(value, digits) {
  const said = typeof value === "number" && Number.isFinite(value) ? value.toFixed(Math.max(digits, 8)) : value;
  const found = parts(said);
  if (!found) return NOTHING;
  let scaled = BigInt(found.whole + found.part.padEnd(digits, "0").slice(0, digits));
  if (Number(found.part[digits] || "0") >= 5) scaled += 1n;
  const text = String(scaled).padStart(digits + 1, "0");
  const whole = grouped(text.slice(0, text.length - digits));
  const shown = digits ? `${whole}.${text.slice(-digits)}` : whole;
  return found.minus && scaled !== 0n ? MINUS + shown : shown;
}

/** A price or a quantity: as many digits as it has. */
export function exact(value) {
  const said = typeof value === "number" ? String(value) : value;
  const found = parts(said);
  if (!found) return said === null || said === undefined || said === "" ? NOTHING : String(said);
  const part = found.part.replace(/0+$/, "");
  const shown = grouped(found.whole) + (part ? `.${part}` : "");
  return found.minus && /[1-9]/.test(shown) ? MINUS + shown : shown;
}

/** Below zero, zero or above: -1, 0, 1. */
export function sign(value) {
  const text = String(value ?? "");
  if (!/[1-9]/.test(text)) return 0;
  return text.trim().startsWith("-") ? -1 : 1;
}

export const money = (value) => fixed(value, 2);
export const moneySigned = (value) => (sign(value) > 0 ? `+${money(value)}` : money(value));

/** A gain or a loss, with its sign as well as its colour. */
export function gain(value, text = moneySigned(value)) {
  return el("span", { class: `num ${["loss", "", "gain"][sign(value) + 1]}` }, text);
}

export const num = (text) => el("span", { class: "num" }, text);

/** A price with the digits that it came with, so that prices line up under each other. */
export function price(value) {
  const found = parts(value);
  if (!found) return num(exact(value));
  const text = grouped(found.whole) + (found.part ? `.${found.part}` : "");
  return num(found.minus ? MINUS + text : text);
}

export const plural = (count, one) => `${exact(count)} ${one}${Number(count) === 1 ? "" : "s"}`;

export const quantity = (value) => num(exact(value));


export function percent(fraction, digits = 1) {
  return Number.isFinite(fraction) ? `${fixed(fraction * 100, digits)}%` : NOTHING;
}

/** "DAILY_LOSS" as people write it: "Daily loss". */
export function words(name) {
  if (!name) return NOTHING;
  const text = String(name).replaceAll("_", " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// --- time --------------------------------------------------------------------------------------

/** Milliseconds of a time: text of RFC 3339, or nanoseconds since 1970. */
export function asMs(value) {
  if (value === null || value === undefined || value === "" || value === 0) return null;
  if (typeof value === "number") return value > 1e14 ? value / 1e6 : value;
  const text = String(value);
  const ms = /^\d{16,}$/.test(text) ? Number(text) / 1e6 : Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
const clock = new Intl.DateTimeFormat("en-GB", CLOCK);
const dated = new Intl.DateTimeFormat("en-GB", { ...CLOCK, day: "2-digit", month: "short" });
const yeared = new Intl.DateTimeFormat("en-GB", { ...CLOCK, day: "2-digit", month: "short", year: "numeric" });

/** A time in the viewer's zone: without its day today, without its year this year. */
export function timeText(value) {
  const ms = asMs(value);
  if (ms === null) return NOTHING;
  const [then, now] = [new Date(ms), new Date()];
  if (then.toDateString() === now.toDateString()) return clock.format(then);
  return (then.getFullYear() === now.getFullYear() ? dated : yeared).format(then);
}

/** The same as an element that says UTC to whoever points at it. */
export function time(value) {
  const ms = asMs(value);
  if (ms === null) return el("span", { class: "quiet" }, NOTHING);
  const utc = new Date(ms).toISOString();
  return el("time", { datetime: utc, title: `${utc.replace("T", " ").replace("Z", "")} UTC`, class: "num" }, timeText(ms));
}

/** Seconds as people say them. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(Number(seconds))) return NOTHING;
  const s = Math.max(0, Number(seconds));
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 90) return `${s < 10 ? Math.round(s * 10) / 10 : Math.round(s)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  if (s < 129600) return `${Math.round(s / 3600)} h`;
  return `${Math.round(s / 86400)} days`;
}

export const ago = (value) => {
  const ms = asMs(value);
  return ms === null ? NOTHING : `${duration((Date.now() - ms) / 1000)} ago`;
};

/** "user:alice" as people are called. */
export const who = (name) => String(name ?? "").replace(/^user:/, "") || NOTHING;
