// Who may do what: people, their roles and sessions, and the tokens of programs.

import { get, send } from "./api.js";
import { badge, byId, command, el, empty, fill } from "./dom.js";
import { time, who, words } from "./format.js";
import { drawRequests, showCode, tellDone } from "./parts.js";
import { askReason, doing, may, tell } from "./shell.js";
import { failure, table } from "./table.js";

const ROLES = ["admin", "risk_manager", "trading_ops", "quant", "auditor"];
const path = (name, what) => `/api/people/${encodeURIComponent(name)}/${what}`;

async function change(button, one, what, question, more = {}) {
  const reason = await askReason({ title: question, action: words(what) });
  if (reason === null) return;
  await doing(button, async () => {
    const answer = await send("POST", path(one.name, what), { reason, ...more });
    if (tellDone(answer, "Done.") && answer.code) showCode(one.name, answer.code);
    await read();
  });
}

function roleOf(one) {
  const chosen = el("select", { "aria-label": `Role of ${one.name}` }, ROLES.map((role) => el("option", { value: role, selected: role === one.role }, words(role))));
  chosen.value = one.role;
  chosen.addEventListener("change", async () => {
    await change(chosen, one, "role", `Make ${one.name} ${words(chosen.value).toLowerCase()}`, { role: chosen.value });
    chosen.value = one.role;
  });
  return chosen;
}

const people = table({
  caption: "Users", key: (one) => one.name, nothing: () => empty("Nobody yet."),
  columns: [
    { title: "Name", lead: true, cell: (one) => one.name },
    { title: "Role", cell: roleOf },
    { title: "State", cell: (one) => (one.disabled ? badge("bad", "disabled") : one.enrolled ? badge("ok", "active") : badge("warn", "invited", "wait")) },
    { title: "Since", cell: (one) => time(one.made) },
    { title: "Change", cell: (one) => el("span", { class: "buttons" },
      one.disabled
        ? el("button", { type: "button", class: "small", onclick: (event) => change(event.target, one, "enable", `Let ${one.name} in again`) }, "Enable")
        : el("button", { type: "button", class: "small", onclick: (event) => change(event.target, one, "disable", `Lock ${one.name} out at once`) }, "Disable"), " ",
      el("button", { type: "button", class: "small", onclick: (event) => change(event.target, one, "reset", `New password and second factor for ${one.name}`) }, "Reset")) },
  ],
});

const end = (one) => async (event) => doing(event.target, async () => {
  await send("DELETE", `/api/sessions/${encodeURIComponent(one.id)}`);
  tell("That session is over.");
  await readSessions();
});

const sessions = table({
  caption: "Sessions", key: (one) => one.id, nothing: () => empty("Nobody is signed in."),
  columns: [
    { title: "Who", lead: true, cell: (one) => one.name },
    { title: "From", cell: (one) => one.source },
    { title: "Began", cell: (one) => time(one.made) },
    { title: "Seen", cell: (one) => time(one.seen) },
    { title: "End", cell: (one) => (one.is_this ? "this one" : el("button", { type: "button", class: "small", onclick: end(one) }, "End it")) },
  ],
});

const revoke = (one) => async (event) => doing(event.target, async () => {
  await send("DELETE", `/api/tokens/${encodeURIComponent(one.name)}`);
  tell("That token is revoked.");
  await readTokens();
});

const tokens = table({
  caption: "Service tokens", key: (one) => `${one.name}/${one.made}`, nothing: () => empty("No program has a token.", "A token lets a program read or do exactly what is ticked, until it expires."),
  columns: [
    { title: "Name", lead: true, cell: (one) => one.name },
    { title: "May", wide: true, cell: (one) => one.permissions.map(words).join(", ") },
    { title: "Made", cell: (one) => el("span", {}, time(one.made), ` by ${who(one.made_by)}`) },
    { title: "Expires", cell: (one) => time(one.expires) },
    { title: "Revoke", cell: (one) => (one.revoked ? badge("quiet", "revoked") : el("button", { type: "button", class: "small", onclick: revoke(one) }, "Revoke")) },
  ],
});

const reads = (shown, address) => async () => {
  try {
    shown.draw((await get(address)).items);
  } catch (refused) {
    shown.fail(refused);
  }
};
const readPeople = reads(people, "/api/people");
const readSessions = reads(sessions, "/api/sessions");
const readTokens = reads(tokens, "/api/tokens");

async function read() {
  await Promise.all([readPeople(), readSessions(), readTokens(), drawRequests(byId("requests"))]);
}

byId("add").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { name, role } = event.target.elements;
  await doing(event.submitter, async () => {
    const answer = await send("POST", "/api/people", { name: name.value.trim(), role: role.value });
    if (tellDone(answer, `${name.value.trim()} is invited.`) && answer.code) showCode(name.value.trim(), answer.code);
    name.value = "";
    await read();
  });
});

byId("add-token").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const permissions = [...form.querySelectorAll("input[type=checkbox]:checked")].map((one) => one.value);
  if (permissions.length === 0) { tell("Tick at least one thing that it may do.", "bad"); return; }
  await doing(event.submitter, async () => {
    const said = await send("POST", "/api/tokens", { name: form.elements.name.value.trim(), permissions, days: Number(form.elements.days.value) });
    fill(byId("token-made"), el("div", { class: "note" }, el("p", {}, el("b", {}, `The token ${said.name}`), ", shown once. It goes into the header Authorization: Bearer."), command(said.token)));
    form.reset();
    await readTokens();
  });
});

fill(byId("add").elements.role, ROLES.map((role) => el("option", { value: role }, words(role))));
byId("add").elements.role.value = "trading_ops";
byId("add-token").querySelector("fieldset").append(...[...may].filter((name) => name !== "manage_people").map((name) =>
  el("label", {}, el("input", { type: "checkbox", value: name }), words(name))));
fill(byId("people"), people.place);
fill(byId("sessions"), sessions.place);
fill(byId("tokens"), tokens.place);
read().catch((refused) => fill(byId("people"), failure(refused)));
