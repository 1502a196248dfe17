// Whoever is signed in: their role, their sessions, their password, their recovery codes.

import { get, send } from "./api.js";
import { byId, el, empty, fill } from "./dom.js";
import { time, words } from "./format.js";
import { doing, may, tell } from "./shell.js";
import { failure, table } from "./table.js";

const end = (one) => async (event) => doing(event.target, async () => {
  await send("DELETE", `/api/sessions/${encodeURIComponent(one.id)}`);
  tell("That session is over.");
  await readSessions();
});

const sessions = table({
  caption: "Your sessions", key: (one) => one.id, nothing: () => empty("None."),
  columns: [
    { title: "From", lead: true, cell: (one) => one.source },
    { title: "Began", cell: (one) => time(one.made) },
    { title: "Seen", cell: (one) => time(one.seen) },
    { title: "End", cell: (one) => (one.is_this ? "this one" : el("button", { type: "button", class: "small", onclick: end(one) }, "End it")) },
  ],
});

async function readSessions() {
  try {
    const mine = (await get("/api/sessions")).items.filter((one) => one.name === document.body.dataset.who);
    sessions.draw(mine);
  } catch (refused) {
    sessions.fail(refused);
  }
}

function drawMe(said) {
  fill(byId("me"), el("dl", { class: "facts" }, [
    ["Name", said.name], ["Role", words(said.role)],
    ["You may", [...may].map((name) => words(name).toLowerCase()).join(", ")],
    ["Signed out when idle until", time(said.idle_until)], ["Signed out at the latest", time(said.ends)],
    ["Second factor is fresh until", said.stepped_up_until ? time(said.stepped_up_until) : "not now: it is asked for when it is needed"],
  ].map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))));
}

byId("password").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const wrong = form.querySelector(".error");
  const [old, next, again] = ["old", "new", "again"].map((id) => byId(id));
  wrong.textContent = "";
  if (next.value !== again.value) {
    wrong.textContent = "The two new passwords are not the same.";
    again.focus();
    return;
  }
  try {
    await send("POST", "/api/session/password", { old: old.value, new: next.value });
    form.reset();
    tell("Your password is changed.");
    await readSessions();
  } catch (refused) {
    wrong.textContent = refused.message;
  }
});

byId("recovery-say").textContent = "Each lets you in once without your authenticator. New ones make the old ones void.";
byId("new-codes").addEventListener("click", (event) => doing(event.target, async () => {
  const said = await send("POST", "/api/session/recovery-codes");
  fill(byId("codes"), el("p", {}, el("b", {}, "Keep these somewhere safe."), " They are not shown again."), el("ul", { class: "codes" }, said.recovery_codes.map((code) => el("li", {}, code))));
}));

fill(byId("sessions"), sessions.place);
get("/api/session").then(drawMe).catch((refused) => fill(byId("me"), failure(refused)));
readSessions();
