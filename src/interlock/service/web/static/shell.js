// What every page has: the trading state, whether it is live, alerts, the menu and the way out.

import { send } from "./api.js";
import { byId, el, fill, icon, say } from "./dom.js";
import { moneySigned, money, sign, timeText, who, words } from "./format.js";
import * as live from "./live.js";

const STATES = {
  NONE: ["run", "ok", "TRADING", "Entries and exits are on."],
  WARNED: ["warn", "warn", "WARNED", "Trading goes on; a breaker warns."],
  REDUCED: ["reduce", "warn", "REDUCED", "Entries go on at a smaller size."],
  PAUSED: ["pause", "warn", "PAUSED", "No entries. Positions are managed and exits go out."],
  HALTED: ["stop", "bad", "HALTED", "No entries; resting entries are cancelled. Exits go out."],
  KILLED: ["kill", "bad", "KILLED", "Everything is cancelled and every position is closed."],
  UNKNOWN: ["ask", "unknown", "UNKNOWN", "Nobody knows the trading state now."],
};
const ORDER = Object.keys(STATES);
const MODES = { immediate: "KILLED", graceful: "HALTED", pause: "PAUSED" };

/** What may be done here; the API judges anyway. */
export const may = new Set((document.body.dataset.may || "").split(" ").filter(Boolean));

let seen = null;
let fresh = true;
let heardMs = 0;

/** The trading state of an overview: its level, or what a kill makes of it. */
export function stateOf(overview) {
  if (!overview || overview.connected === false) return "UNKNOWN";
  const level = overview.level in STATES ? overview.level : overview.level ? "UNKNOWN" : "UNKNOWN";
  const killed = overview.killed;
  if (!killed || !killed.set || level === "UNKNOWN") return level;
  const asked = MODES[killed.mode] || "KILLED";
  return ORDER.indexOf(asked) > ORDER.indexOf(level) ? asked : level;
}

function because(overview, state) {
  if (!overview || overview.connected === false) {
    return overview && overview.why ? overview.why : "The engine does not answer.";
  }
  const killed = overview.killed;
  if (killed && killed.set) {
    const mode = killed.mode ? `${words(killed.mode)} kill` : "Kill";
    return `${mode} by ${who(killed.who)} at ${timeText(killed.ts_ns)}: ${killed.reason || "no reason given"}`;
  }
  const replayed = overview.replay && overview.now_ns ? ` Recorded bars; their clock says ${timeText(overview.now_ns)}.` : "";
  return `${whatHolds(overview, state)}${replayed}`;
}

function whatHolds(overview, state) {
  const latch = (overview.latches || []).find((one) => one.scope === "ACCOUNT" && one.level === state);
  const rest = (overview.latches || []).filter((one) => one !== latch).length;
  if (latch) return `${words(latch.cause)} since ${timeText(latch.since_ns)}. ${STATES[state][3]}`;
  if (rest) return `${STATES[state][3]} ${rest === 1 ? "One latch holds" : `${rest} latches hold`} a part back.`;
  return STATES[state][3];
}

function drawState() {
  const place = byId("state");
  if (!place || !seen) {
    if (place && !fresh) drawUnknown(place);
    return;
  }
  if (!fresh) return drawUnknown(place);
  const state = stateOf(seen);
  const [shape, kind, word] = STATES[state];
  place.className = `state ${kind}`;
  fill(place.querySelector(".word"), icon(shape), word);
  say(place.querySelector(".why"), because(seen, state));
  const day = seen.money && seen.money.day;
  const figures = place.querySelector(".figures");
  if (day !== undefined && day !== null) {
    const shown = `${moneySigned(day)} ${seen.currency || ""}`;
    say(figures, `Equity ${money(seen.money.equity)} \u00b7 today ${shown}`);
    figures.dataset.sign = String(sign(day));
  }
  document.title = `${state === "NONE" ? "" : `${word} \u00b7 `}${document.body.dataset.title} \u00b7 Interlock`;
}

function drawUnknown(place) {
  const [shape, kind, word] = STATES.UNKNOWN;
  place.className = `state ${kind}`;
  fill(place.querySelector(".word"), icon(shape), word);
  say(place.querySelector(".why"), heardMs
    ? `Nothing was heard since ${timeText(heardMs)}. What you see is from then; it is being tried again.`
    : "The gateway does not answer; it is being tried again.");
  say(place.querySelector(".figures"), "");
}

// --- alerts and approvals, wherever one is ------------------------------------------------------

function drawAlerts(said) {
  const place = byId("alerts");
  const open = (said.items || said.alerts || []).filter((one) => !one.acknowledged && !one.acknowledged_ns);
  const loud = open.filter((one) => ["critical", "emergency"].includes(String(one.severity).toLowerCase()));
  const shown = loud.slice(0, 3).map((one) =>
    el("div", { class: "alert bad" }, icon("warn"),
      el("p", {}, el("b", {}, `${one.title || words(one.kind)} `), one.message || one.text || ""),
      may.has("acknowledge")
        ? el("button", { type: "button", class: "small", onclick: (event) => acknowledge(event.target, one.id) }, "Acknowledge")
        : null));
  fill(place, shown);
}

async function acknowledge(button, id) {
  button.disabled = true;
  try {
    await send("POST", `/api/alerts/${encodeURIComponent(id)}/acknowledge`, {});
    button.closest(".alert").remove();
  } catch (refused) {
    tell(refused.message, "bad");
    button.disabled = false;
  }
}

function countApprovals(said) {
  const link = document.querySelector('nav a[href="/signals"] .count');
  const count = (said.items || said.approvals || []).length;
  if (link) {
    link.hidden = count === 0;
    fill(link, String(count), el("span", { class: "hidden" }, " to approve"));
  }
}

/** Says one sentence about what was just done; readers of the page hear it. */
export function tell(text, kind = "ok") {
  const line = el("div", { class: `told ${kind}` }, icon(kind === "ok" ? "ok" : "warn"), el("p", {}, text),
    el("button", { type: "button", class: "small", "aria-label": "Close this message", onclick: () => line.remove() }, "Close"));
  byId("told").append(line);
  if (kind === "ok") setTimeout(() => line.remove(), 8000);
}

/** Runs something for a button: it waits meanwhile, and a refusal is said. */
export async function doing(button, act) {
  button.disabled = true;
  try {
    return await act();
  } catch (refused) {
    tell(refused.message || String(refused), "bad");
    return undefined;
  } finally {
    button.disabled = false;
  }
}

/** Asks for a reason in a dialog; null when the person gave up. */
export function askReason({ title, text, action, danger = false, typed = "" }) {
  return new Promise((resolve) => {
    const reason = el("textarea", { id: "ask-reason", rows: 2, required: true, maxlength: 200 });
    const word = typed ? el("input", { id: "ask-typed", autocomplete: "off", required: true, pattern: typed }) : null;
    const away = el("button", { type: "button" }, "Cancel");
    const form = el("form", { method: "dialog" },
      el("h2", { id: "ask-title" }, title), text ? el("p", {}, text) : null,
      el("label", { for: "ask-reason" }, "Reason, in your words; it is kept"), reason,
      typed ? el("label", { for: "ask-typed" }, `Type ${typed} to confirm`) : null, word,
      el("div", { class: "actions" }, away, el("button", { type: "submit", class: danger ? "danger" : "primary" }, action)));
    const box = el("dialog", { class: "dialog", "aria-labelledby": "ask-title" }, form);
    const end = (value) => { box.close(); box.remove(); resolve(value); };
    form.addEventListener("submit", (event) => { event.preventDefault(); end(reason.value.trim()); });
    away.addEventListener("click", () => end(null));
    box.addEventListener("cancel", (event) => { event.preventDefault(); end(null); });
    document.body.append(box);
    box.showModal();
    reason.focus();
  });
}

// --- menu, colours, way out ---------------------------------------------------------------------

function wireMenu() {
  const button = byId("menu-button");
  const menu = byId("menu");
  const set = (open) => {
    menu.classList.toggle("open", open);
    button.setAttribute("aria-expanded", String(open));
  };
  button.addEventListener("click", () => set(!menu.classList.contains("open")));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && menu.classList.contains("open")) { set(false); button.focus(); }
  });
}

/** Whether the page is dark now, by choice or by the system. */
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : window.matchMedia("(prefers-color-scheme: dark)").matches;
}

function wireColours() {
  const buttons = document.querySelectorAll('[data-act="colours"]');
  const name = () => buttons.forEach((button) => say(button, isDark() ? "Light colours" : "Dark colours"));
  const turn = () => {
    const next = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    try { localStorage.setItem("theme", next); } catch { /* not kept, but it holds for this page */ }
    name();
    window.dispatchEvent(new Event("colours"));
  };
  buttons.forEach((button) => button.addEventListener("click", turn));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    name();
    window.dispatchEvent(new Event("colours"));
  });
  name();
}

function wireWayOut() {
  const leave = async () => {
    try {
      await send("DELETE", "/api/session");
    } finally {
      location.assign("/login");
    }
  };
  document.querySelectorAll('[data-act="sign-out"]').forEach((button) => button.addEventListener("click", leave));
}

/** Begins a page of somebody who is signed in. */
export function begin() {
  wireMenu();
  wireColours();
  wireWayOut();
  if (!may.has("see_dashboard")) return;
  live.showFreshness(byId("fresh"));
  live.onFreshness((isFresh, lastMs) => { fresh = isFresh; heardMs = lastMs; drawState(); });
  live.on("overview", (said) => { seen = said; drawState(); });
  live.on("alerts", drawAlerts);
  live.on("approvals", countApprovals);
  live.start();
}

begin();
