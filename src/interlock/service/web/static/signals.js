// Every signal, wherever it came from, with its verdict; and what waits for a person's yes.

import { get } from "./api.js";
import { showApprovals } from "./approvals.js";
import { byId, command, el, facts, fill } from "./dom.js";
import { checks, explanation } from "./explain.js";
import { exact, time } from "./format.js";
import * as live from "./live.js";
import { curl, noSignals, reasonsOf, signalColumns, verdictOf } from "./parts.js";
import "./shell.js";
import { paged, table } from "./table.js";

/** What the list itself knows of a signal, for those that no run can explain. */
function known(one) {
  return el("div", {},
    el("p", { class: "lead" }, verdictOf(one), " ", one.message || reasonsOf(one)),
    facts([
      ["Received", one.received_ns ? time(one.received_ns) : time(one.ts_ns ?? one.ts)], ["From", one.who], ["Strategy", one.strategy],
      ["Quantity", one.quantity ? exact(one.quantity) : ""], ["Price seen", one.price ? exact(one.price) : ""],
      ["Orders", (one.orders || []).join(", ")], ["Correlation", one.correlation], ["Key", one.webhook_id || one.id],
    ]),
    one.verdicts && one.verdicts.length ? checks(one.verdicts) : null);
}

const signals = table({
  caption: "Signals", key: (one) => String(one.id), nothing: noSignals,
  open: (one) => (String(one.id).startsWith("s-") || one.signal ? explanation(one.signal || one.id, () => known(one)) : el("div", { class: "detail" }, known(one))),
  columns: signalColumns(),
});

const list = paged({ shown: signals, more: byId("older"), read: (before, background) => get(`/api/signals?limit=50${before === null ? "" : `&before=${before}`}`, { background }) });
fill(byId("signals"), signals.place);
const how = (line) => fill(byId("how"),
  el("p", {}, "In paper mode this machine may post without a secret; others need it. A webhook proposes: every check decides."),
  command(line));
how(curl());
showApprovals(byId("approvals"));
const shown = { line: curl() };
live.on("overview", () => {
  if (shown.line === curl()) return;
  shown.line = curl();
  how(shown.line);
});
const ready = list.first();
live.on("signals", () => ready.then(list.again));
