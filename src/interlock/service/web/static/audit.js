// Who did what: newest first, in parts, with whether the chain holds.

import { get } from "./api.js";
import { badge, byId, el, empty, facts, fill } from "./dom.js";
import { exact, time, who, words } from "./format.js";
import "./shell.js";
import { paged, table } from "./table.js";

const details = (one) => {
  const more = one.details || {};
  return el("div", { class: "detail" }, facts([
    ["Number", exact(one.seq)], ["Event", one.event_type], ["Action", one.action], ["Correlation", one.correlation_id],
    ...Object.entries(more).map(([name, value]) => [words(name), typeof value === "object" ? JSON.stringify(value) : String(value)]),
    ["Hash", one.hash && el("code", {}, one.hash)],
  ]));
};

const audit = table({
  caption: "Audit", key: (one) => String(one.seq), open: details,
  nothing: () => empty("Nothing fits.", "Every sign-in, change, kill and refused access is kept here."),
  columns: [
    { title: "Event", lead: true, cell: (one) => words(one.event_type) },
    { title: "Time", cell: (one) => time(one.ts_ns) },
    { title: "Who", cell: (one) => who(one.actor) },
    { title: "From", cell: (one) => one.ip_address },
    { title: "Action", wide: true, cell: (one) => one.action || "" },
    { title: "Outcome", cell: (one) => (one.success ? badge("ok", "done") : badge("bad", "refused")) },
    { title: "Reason", wide: true, cell: (one) => one.reason || "" },
  ],
});

const form = byId("filter");

function query(before) {
  const said = new URLSearchParams({ limit: "50" });
  for (const name of ["event_type", "actor"]) {
    const value = form.elements[name].value.trim();
    if (value) said.set(name, name === "actor" && !value.includes(":") && !["loopback", "unknown", "nobody", "system"].includes(value) ? `user:${value}` : value);
  }
  if (before !== null) said.set("before", before);
  return said;
}

function drawChain(chain) {
  const anchored = chain.anchored_seq > 0;
  fill(byId("chain"),
    badge(anchored ? "ok" : "warn", anchored ? `anchored up to row ${exact(chain.anchored_seq)}` : "not anchored yet", anchored ? "ok" : "wait"),
    ` ${exact(chain.rows)} rows; the newest is ${exact(chain.head_seq)} with the hash `, el("code", {}, String(chain.head).slice(0, 16)),
    chain.anchored_ns ? el("span", {}, ". The engine's journal took it at ", time(chain.anchored_ns)) : "",
    ". Whether nobody changed a row says ", el("code", {}, "interlock audit verify"), ".");
}

const list = paged({
  shown: audit, more: byId("older"),
  read: (before) => get(`/api/audit?${query(before)}`),
});
fill(byId("rows"), audit.place);
form.addEventListener("submit", (event) => { event.preventDefault(); list.first(); });
list.first();
get("/api/audit/state").then(drawChain).catch(() => { byId("chain").hidden = true; });
