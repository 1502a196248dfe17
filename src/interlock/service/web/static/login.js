// Signing in: name, password and code in one form.

import { get, send } from "./api.js";
import { byId } from "./dom.js";

const form = byId("login");
const wrong = byId("wrong");
const other = byId("other-way");
let recovery = false;

other.addEventListener("click", () => {
  recovery = !recovery;
  byId("with-code").hidden = recovery;
  byId("with-recovery").hidden = !recovery;
  other.setAttribute("aria-pressed", String(recovery));
  other.textContent = recovery ? "Use a code of the authenticator" : "Use a recovery code instead";
  byId(recovery ? "recovery" : "code").focus();
});

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  wrong.textContent = "";
  const field = byId(recovery ? "recovery" : "code");
  const missing = [byId("name"), byId("password"), field].find((one) => !one.value.trim());
  if (missing) {
    wrong.textContent = missing === field ? "A code is needed too: everybody has a second factor." : "Name and password are needed.";
    missing.focus();
    return;
  }
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  const factor = recovery ? { recovery_code: field.value.trim() } : { code: field.value.replace(/\s/g, "") };
  try {
    await send("POST", "/api/session", { name: byId("name").value.trim(), password: byId("password").value, ...factor }, { stays: true });
    location.assign(form.dataset.next || "/");
  } catch (refused) {
    wrong.textContent = refused.message;
    field.value = "";
    field.focus();
    button.disabled = false;
  }
});

byId("again").hidden = !new URLSearchParams(location.search).has("next");
get("/api/setup").then((said) => { byId("first").hidden = !said.first_person; }).catch(() => {});
