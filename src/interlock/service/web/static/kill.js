// The kill switch: what it is now, how to use it, and how to let go of it.

import { get, send } from "./api.js";
import { badge, byId, el, facts, fill } from "./dom.js";
import { plural, time, who, words } from "./format.js";
import * as live from "./live.js";
import { drawRequests, tellDone } from "./parts.js";
import { may, tell } from "./shell.js";

const LOOK_MS = 1_000;
const LOOKS_MAX = 60;
const seen = { looks: 0, timer: 0 };
const ROADS = { CONFIRMED: "ok", UNCONFIRMED: "bad", NOT_ASKED: "quiet" };

function draw(said) {
  const place = byId("now");
  const set = said !== null && said.result !== "NOT_KILLED";
  byId("clear-card").hidden = !(set && may.has("clear_kill"));
  if (said === null) {
    fill(place, el("p", {}, badge("quiet", "not known", "ask"), " The gateway does not say. A kill from the machine works all the same."));
    return;
  }
  if (!set) {
    fill(place, el("p", {}, badge("ok", "not killed", "run"), " The kill latch is not set: trading goes on as its breakers let it."));
    return;
  }
  const done = said.result === "KILLED";
  fill(place,
    el("p", {}, badge("bad", `${words(said.mode)} kill`, "kill"), " ", badge(done ? "ok" : "warn", done ? "confirmed" : "not confirmed", done ? "ok" : "wait")),
    el("p", { class: "say" }, done ? "It was seen to be done." : "Nothing of ours opens while the latch is set. The rest was not seen to be done yet; it is looked at again every second. In doubt, kill again."),
    facts([
      ["Reason", said.reason], ["By", who(said.who)], ["Since", time(said.ts_ns)],
      ["Still open", said.open_orders === undefined || said.open_orders === null ? "not known" : `${plural(said.open_orders, "order")}, ${plural(said.open_positions, "position")}`],
      ...["latch", "engine", "venue"].map((name) => [words(name), road(said[name])]),
    ]));
}

function road(said) {
  if (!said) return null;
  return el("span", {}, badge(ROADS[said.result] || "quiet", words(said.result).toLowerCase()), said.why ? ` ${said.why}` : "");
}

function wrong(form, text, field) {
  form.querySelector(".error").textContent = text;
  if (field) field.focus();
}

async function kill(event) {
  event.preventDefault();
  const form = event.target;
  const reason = byId("kill-reason");
  const typed = byId("kill-typed");
  const code = byId("kill-code");
  wrong(form, "");
  if (!reason.value.trim()) return wrong(form, "Say why: one word will do.", reason);
  if (typed.value.trim().toUpperCase() !== "KILL") return wrong(form, "Type KILL to confirm.", typed);
  const button = byId("kill-button");
  button.disabled = true;
  const body = { mode: new FormData(form).get("mode"), reason: reason.value.trim() };
  if (code.value.trim()) body.code = code.value.trim();
  try {
    const said = await send("POST", "/api/kill", body);
    const done = said.result === "KILLED";
    tell(done ? "Killed, and seen to be done." : "The kill is set. It is not confirmed yet.", done ? "ok" : "bad");
    [reason, typed, code].forEach((field) => { field.value = ""; });
    draw(said);
    byId("now").scrollIntoView({ block: "center" });
    seen.looks = 0;
    if (!done) lookAgain();
  } catch (refused) {
    wrong(form, refused.message, refused.code === "GIVEN_UP" ? null : code);
  } finally {
    button.disabled = false;
  }
  return undefined;
}

async function clear(event) {
  event.preventDefault();
  const form = event.target;
  const reason = byId("clear-reason");
  wrong(form, "");
  if (!reason.value.trim()) return wrong(form, "Say what was found: it is kept.", reason);
  try {
    tellDone(await send("POST", "/api/kill/clear", { reason: reason.value.trim() }), "The kill is cleared.");
    reason.value = "";
    await read();
  } catch (refused) {
    wrong(form, refused.message);
  }
  return undefined;
}

function lookAgain() {
  clearTimeout(seen.timer);
  if (seen.looks >= LOOKS_MAX) return;
  seen.looks += 1;
  seen.timer = setTimeout(read, LOOK_MS);
}

async function read() {
  try {
    const said = await get("/api/kill", { background: true });
    draw(said);
    if (said.result === "KILL_UNCONFIRMED") lookAgain();
  } catch {
    draw(null);
  }
  drawRequests(byId("requests"), byId("requests-card"));
}

const seenKill = { key: "" };

byId("kill-card").hidden = !may.has("kill");
byId("kill-not").hidden = may.has("kill");
byId("kill").addEventListener("submit", kill);
byId("clear").addEventListener("submit", clear);
byId("kill").addEventListener("change", () => {
  const mode = new FormData(byId("kill")).get("mode");
  byId("kill-button").textContent = { immediate: "Kill now", graceful: "Kill gracefully", pause: "Pause entries" }[mode];
});
live.on("overview", (said) => {
  const key = JSON.stringify(said.killed || {});
  if (key === seenKill.key) return;
  seenKill.key = key;
  seen.looks = 0;
  read();
});
read();
