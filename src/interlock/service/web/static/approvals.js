// What waits for a person's yes: the whole intent, how long there is, and two buttons.

import { get, send } from "./api.js";
import { el, facts, fill, say } from "./dom.js";
import { asMs, exact, gain, money } from "./format.js";
import * as live from "./live.js";
import { rows, side } from "./parts.js";
import { doing, may, tell } from "./shell.js";

const cards = new Map();

/** Keeps a place filled with what waits. `hides` takes the place away while nothing does. */
export function showApprovals(place, hides = false) {
  const draw = (said) => {
    const open = rows(said, "approvals");
    const ids = new Set(open.map((one) => one.id));
    for (const [id, card] of cards) if (!ids.has(id)) { card.remove(); cards.delete(id); }
    for (const one of open) {
      if (cards.has(one.id)) continue;
      const card = made(one);
      cards.set(one.id, card);
      place.append(card);
    }
    if (hides) place.hidden = open.length === 0;
  };
  live.on("approvals", draw);
  get("/api/approvals").then(draw).catch(() => fill(place));
  setInterval(count, 500);
}

function count() {
  for (const card of cards.values()) {
    const left = Math.ceil((Number(card.dataset.until) - Date.now()) / 1000);
    say(card.querySelector(".countdown"), left > 0 ? `${left} s left` : "expired");
    if (left <= 0) card.querySelectorAll("button").forEach((button) => { button.disabled = true; });
  }
}

function made(one) {
  const band = one.price_low === one.price_high ? exact(one.price_low) : `${exact(one.price_low)} to ${exact(one.price_high)}`;
  const decide = (approve) => async (event) => {
    const card = event.target.closest(".approval");
    const buttons = [...card.querySelectorAll("button")];
    buttons.forEach((button) => { button.disabled = true; });
    const answer = await doing(event.target, () => send("POST", `/api/approvals/${encodeURIComponent(one.id)}`, {
      approve, hash: one.hash, reason: card.querySelector("input").value.trim(),
    }));
    buttons.forEach((button) => { button.disabled = false; });
    if (answer === undefined) return;
    const after = answer.message || (approve ? "Approved; the gate ran again." : "Denied.");
    tell(after, approve && answer.state === "REFUSED" ? "bad" : "ok");
    card.remove();
    cards.delete(one.id);
  };
  return el("article", { class: "approval", data: { id: one.id, until: String(asMs(one.expires_ns ?? one.expires)) }, "aria-label": `Approval of ${one.side} ${one.symbol}` },
    el("div", { class: "head" }, el("h2", {}, side(one.side), ` ${exact(one.quantity)} ${one.symbol}`), el("span", { class: "countdown num", role: "timer" })),
    facts([
      ["Price", band], ["Stop", one.stop ? exact(one.stop) : "none"],
      ["Worst loss", one.worst_loss === null || one.worst_loss === undefined ? "not known" : gain(`-${String(one.worst_loss).replace("-", "")}`, `\u2212${money(String(one.worst_loss).replace("-", ""))}`)],
      ["Strategy", one.strategy], ["Why", one.why],
    ]),
    may.has("approve")
      ? el("div", {}, el("label", { for: `why-${one.id}` }, "Your reason"), el("input", { id: `why-${one.id}`, maxlength: 200, placeholder: "kept with the decision" }),
        el("div", { class: "actions" },
          el("button", { type: "button", class: "deny", onclick: decide(false) }, "Deny"),
          el("button", { type: "button", class: "primary approve", onclick: decide(true) }, "Approve")))
      : el("p", { class: "quiet" }, "Your role may not approve."));
}
