// Tables that are cards on a phone, and keep their rows while the numbers in them change.

import { el, empty, fill } from "./dom.js";

/**
 * Makes a table. A column is {title, cell(row) -> text or element, num, lead}: `num` stands on the
 * right, `lead` heads the card on a phone. `key(row)` tells rows apart; `open(row)` gives what is
 * shown under a row that is opened, and makes its first cell a button.
 */
export function table({ caption, columns, key, nothing, open = null, mark = null }) {
  const body = el("tbody");
  const head = el("tr", {}, columns.map((one) => el("th", { scope: "col", class: one.num ? "num" : null }, one.title)));
  const made = el("table", { class: "cards" }, el("caption", { class: "hidden" }, caption), el("thead", {}, head), body);
  const place = el("div", { class: "tabled" });
  const opened = new Set();
  let last = [];

  function cells(row) {
    return columns.map((one, i) => {
      const content = one.cell(row);
      const inner = i === 0 && open ? opener(row, content) : content;
      const kind = [one.num ? "num" : "", one.lead ? "lead" : "", one.wide ? "wide" : ""].filter(Boolean).join(" ");
      return el(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: kind || null, data: { label: one.title } }, inner);
    });
  }

  function opener(row, content) {
    const id = key(row);
    return el("button", { type: "button", class: "opener", "aria-expanded": String(opened.has(id)), data: { id }, onclick: () => toggle(id) }, content);
  }

  function toggle(id) {
    if (opened.has(id)) opened.delete(id);
    else opened.add(id);
    draw(last);
    body.querySelector(`button.opener[data-id="${CSS.escape(id)}"]`)?.focus();
  }

  const kept = new Map(); // id -> the element under an opened row, which must not start anew

  function draw(rows) {
    last = rows;
    if (rows.length === 0) {
      fill(place, typeof nothing === "function" ? nothing() : nothing || empty("Nothing here."));
      return;
    }
    const focused = document.activeElement?.dataset?.id;
    const made_rows = [];
    for (const row of rows) {
      const id = key(row);
      made_rows.push(el("tr", { class: mark ? mark(row) : null, data: { row: id } }, cells(row)));
      if (open && opened.has(id)) {
        if (!kept.has(id)) kept.set(id, el("div", {}, open(row)));
        made_rows.push(el("tr", { class: "under" }, el("td", { colspan: columns.length }, kept.get(id))));
      } else kept.delete(id);
    }
    body.replaceChildren(...made_rows);
    if (made.parentNode !== place) fill(place, el("div", { class: "scroll" }, made));
    if (focused) body.querySelector(`button[data-id="${CSS.escape(focused)}"]`)?.focus();
  }

  function fail(refused) {
    fill(place, failure(refused));
  }

  return { place, draw, fail, toggle, isOpen: (id) => opened.has(id) };
}

/** What stands where something could not be had. */
export function failure(refused) {
  return el("div", { class: "failed", role: "alert" },
    el("p", { class: "lead" }, "This could not be read."),
    el("p", {}, refused.message || String(refused)),
    refused.id ? el("p", { class: "quiet" }, `Answer ${refused.id}`) : null);
}

/** Pages of a list that the API gives in parts: newest first, then "Show older". */
export function paged({ read, shown, more, id = (row) => String(row.seq) }) {
  let items = [];
  let next = null;
  const button = el("button", { type: "button", onclick: older }, "Show older");
  const said = el("p", { class: "error", role: "alert" });
  fill(more, button, said);
  more.hidden = true;

  function show() {
    shown.draw(items);
    more.hidden = next === null;
  }

  async function first() {
    try {
      const found = await read(null, false);
      items = found.items;
      next = found.next ?? null;
      show();
    } catch (refused) {
      shown.fail(refused);
      more.hidden = true;
    }
  }

  async function older() {
    button.disabled = true;
    said.textContent = "";
    try {
      const found = await read(next, false);
      items = items.concat(found.items);
      next = found.next ?? null;
      show();
    } catch (refused) {
      said.textContent = refused.message;
    } finally {
      button.disabled = false;
    }
  }

  let waiting = 0;

  /** Reads the newest part again, at most once a second; what was shown below it stays. */
  function again() {
    if (waiting) return;
    waiting = setTimeout(async () => {
      waiting = 0;
      try {
        const found = await read(null, true);
        const there = new Set(found.items.map(id));
        const oldest = Math.min(...found.items.map((row) => row.seq));
        const rest = items.filter((row) => !there.has(id(row)) && row.seq < oldest);
        if (rest.length === 0) next = found.next ?? null;
        items = found.items.concat(rest);
        show();
      } catch {
        // What is shown stays; the stream says whether it is still true.
      }
    }, 300);
  }

  return { first, again };
}
