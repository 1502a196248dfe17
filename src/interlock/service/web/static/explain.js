// Why an order or a signal became what it became: every check with its value and its limit.

import { get } from "./api.js";
import { badge, el, facts, fill } from "./dom.js";
import { exact, time, words } from "./format.js";
import { failure, table } from "./table.js";

const verdict = (rule) => {
  const failed = rule.failed ?? rule.passed === false;
  if (failed) return badge("bad", "failed");
  if (rule.applied === false) return badge("quiet", "does not apply");
  return badge("ok", rule.assumed ? "passed, assumed" : "passed");
};

const relation = (rule) => (rule.relation ? `${rule.relation} ` : "");

/** A table of checks: the rules of an explanation, or the verdicts of a signal. */
export function checks(rules) {
  const shown = table({
    caption: "Checks",
    key: (rule) => rule.reason || rule.rule,
    mark: (rule) => ((rule.failed ?? rule.passed === false) ? "fails" : null),
    columns: [
      { title: "Check", lead: true, cell: (rule) => words(rule.reason || rule.rule) },
      { title: "Verdict", cell: verdict },
      { title: "Measured", num: true, cell: (rule) => String(rule.value_text ?? rule.value ?? "") },
      { title: "Must be", num: true, cell: (rule) => `${relation(rule)}${rule.limit_text ?? rule.limit ?? ""}` },
      ...(rules.some((rule) => rule.level) ? [{ title: "Level", cell: (rule) => rule.level || "" }] : []),
    ],
  });
  const failed = rules.filter((rule) => rule.failed ?? rule.passed === false);
  const rest = rules.filter((rule) => !failed.includes(rule));
  shown.draw(failed.concat(rest));
  return shown.place;
}

function timeline(events) {
  return el("ol", { class: "timeline" }, events.map((one) =>
    el("li", {}, one.ts ? el("span", { class: "num" }, time(one.ts)) : null, one.what || words(one.state || one.type))));
}

function summed(found) {
  return Object.entries(found).filter(([, value]) => value !== null && value !== "" && typeof value !== "object" && !name.endsWith("_ns"))
    .map(([name, value]) => [name === "ts" ? "Time" : words(name.replace(/_ts$/, "")), typeof value === "boolean" ? (value ? "yes" : "no") : /(^|_)ts$/.test(name) ? time(value) : plainly(value)]);
}

const plainly = (value) => (/^-?\d+(\.\d+)?$/.test(String(value)) ? exact(String(value)) : String(value));

function sizing(rows) {
  return facts(rows.map((one) => [words(one.name), one.text]));
}

const OPEN_MAX = 12; // more checks than these are folded, the failed ones aside

/** The checks of an explanation: those that failed in the open, a long list of passed ones folded. */
function judged(rules) {
  const failed = rules.filter((rule) => rule.passed === false);
  const passed = rules.filter((rule) => rule.passed !== false);
  return [
    failed.length ? checks(failed) : null,
    passed.length ? el("details", { open: passed.length <= OPEN_MAX }, el("summary", {}, `${passed.length} passed, each with its value and limit`), checks(passed)) : null,
  ];
}

function drawn(said) {
  const rules = said.rules || [];
  const failed = rules.filter((rule) => rule.passed === false).length;
  const parts = [el("p", { class: "lead" }, said.outcome || "")];
  const part = (title, ...content) => parts.push(el("h3", {}, title), ...content);
  if (said.events && said.events.length) part("What became of it", timeline(said.events));
  if (said.protection && said.protection.length) part("Protection", timeline(said.protection));
  if (rules.length) part(`Checks: ${rules.length - failed} passed, ${failed} failed`, ...judged(rules).filter(Boolean));
  if (said.sizing && said.sizing.length) part("How the quantity came about", sizing(said.sizing));
  const lists = [["Signal", said.signal], ["Order", said.order], ["The trade", said.trade]].filter(([, found]) => found && Object.keys(found).length);
  if (lists.length) parts.push(el("div", { class: "beside" }, lists.map(([title, found]) => el("section", {}, el("h3", {}, title), facts(summed(found))))));
  (said.notes || []).forEach((note) => parts.push(el("p", { class: "quiet" }, note)));
  return parts;
}

/** The panel under an order or a signal; it is fetched when it is opened. */
export function explanation(id, fallback = null) {
  const place = el("div", { class: "detail", "aria-live": "polite" }, el("p", { class: "quiet" }, "Looking it up."));
  get(`/api/explain/${encodeURIComponent(id)}`)
    .then((said) => fill(place, drawn(said.explanation || said)))
    .catch((refused) => fill(place, fallback ? [fallback(), el("p", { class: "quiet" }, refused.message)] : failure(refused)));
  return place;
}
