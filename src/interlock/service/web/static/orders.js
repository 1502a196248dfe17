// Orders: their life, and why each is what it is.

import { get } from "./api.js";
import { badge, byId, command, empty, fill } from "./dom.js";
import { num, price, quantity, time, words } from "./format.js";
import { explanation } from "./explain.js";
import * as live from "./live.js";
import { curl, side } from "./parts.js";
import "./shell.js";
import { paged, table } from "./table.js";

const KINDS = {
  FILLED: "ok", PARTLY_FILLED: "info", PARTIAL: "info", OPEN: "info", ACCEPTED: "info", SENT: "info", PENDING: "info", SUBMITTED: "info",
  CANCELLED: "quiet", EXPIRED: "quiet", ABSENT: "quiet", REFUSED: "bad", REJECTED: "bad", UNKNOWN: "warn",
};
const SHAPES = { UNKNOWN: "ask" };

const orders = table({
  caption: "Orders", key: (one) => String(one.id),
  open: (one) => explanation(one.id),
  nothing: () => empty("No orders yet.", "An order appears here when a signal passes every check. Post a webhook:", command(curl())),
  columns: [
    { title: "Order", cell: (one) => one.id },
    { title: "Time", cell: (one) => time(one.ts_ns ?? one.ts) },
    { title: "Symbol", lead: true, cell: (one) => one.symbol },
    { title: "Side", cell: (one) => side(one.side) },
    { title: "Kind", cell: (one) => `${words(one.role)}, ${words(one.kind).toLowerCase()}` },
    { title: "Quantity", num: true, cell: (one) => quantity(one.quantity) },
    { title: "Filled", num: true, cell: (one) => quantity(one.filled ?? "0") },
    { title: "Price", num: true, cell: (one) => (one.price ?? one.trigger ? price(one.price ?? one.trigger) : num("market")) },
    { title: "State", cell: (one) => badge(KINDS[one.state] || "quiet", words(one.state), SHAPES[one.state]) },
    { title: "Strategy", cell: (one) => one.strategy || "" },
  ],
});

const form = byId("filter");
const asked = new URLSearchParams(location.search);
if (asked.get("state") === "open") form.elements.state.value = "open";
form.elements.symbol.value = asked.get("symbol") || "";

function query(before) {
  const said = new URLSearchParams({ state: form.elements.state.value, limit: "50" });
  const symbol = form.elements.symbol.value.trim();
  if (symbol) said.set("symbol", symbol);
  if (before !== null) said.set("before", before);
  return said;
}

const list = paged({ shown: orders, more: byId("older"), read: (before, background) => get(`/api/orders?${query(before)}`, { background }) });
fill(byId("orders"), orders.place);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  const said = query(null);
  said.delete("limit");
  history.replaceState(null, "", `/orders?${said}`);
  list.first();
});
const ready = list.first();
live.on("orders", () => ready.then(list.again));
