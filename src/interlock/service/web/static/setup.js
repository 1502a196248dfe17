// The first administrator, and whoever was invited: code and password, second factor, recovery codes.

import { get, send } from "./api.js";
import { byId, el, fill, say } from "./dom.js";

const wrong = byId("wrong");
let enrolment = "";

function step(number) {
  [1, 2, 3].forEach((one) => { byId(`step-${one}`).hidden = one !== number; });
  document.querySelectorAll(".steps li").forEach((line, i) => {
    if (i === number - 1) line.setAttribute("aria-current", "step");
    else line.removeAttribute("aria-current");
  });
  wrong.textContent = "";
}

async function during(form, act) {
  const button = form.querySelector("button[type=submit]");
  button.disabled = true;
  wrong.textContent = "";
  try {
    await act();
  } catch (refused) {
    wrong.textContent = refused.message;
    wrong.scrollIntoView({ block: "center" });
  } finally {
    button.disabled = false;
  }
}

byId("step-1").addEventListener("submit", (event) => {
  event.preventDefault();
  const [password, again] = [byId("password").value, byId("password-again").value];
  if (password !== again) {
    wrong.textContent = "The two passwords are not the same.";
    byId("password-again").focus();
    return;
  }
  during(event.target, async () => {
    const body = { code: byId("code").value.trim(), password };
    const name = byId("name").value.trim();
    if (!byId("name-field").hidden && name) body.name = name;
    const said = await send("POST", "/api/setup", body, { stays: true });
    enrolment = said.enrolment;
    fill(byId("qr"), el("img", { src: said.qr, alt: "The key of your second factor as a picture", width: 200, height: 200 }));
    say(byId("secret"), said.secret.replace(/(.{4})(?=.)/g, "$1 "));
    step(2);
    byId("totp").focus();
  });
});

byId("step-2").addEventListener("submit", (event) => {
  event.preventDefault();
  during(event.target, async () => {
    const said = await send("POST", "/api/setup/confirm", { enrolment, code: byId("totp").value.replace(/\s/g, "") }, { stays: true });
    fill(byId("codes"), said.recovery_codes.map((code) => el("li", {}, code)));
    fill(byId("qr"));
    say(byId("secret"), "");
    step(3);
    byId("copy").addEventListener("click", async (click) => {
      try {
        await navigator.clipboard.writeText(said.recovery_codes.join("\n"));
        say(click.target, "Copied");
      } catch {
        say(click.target, "Select them and copy them");
      }
    });
    byId("enter").focus();
  });
});

get("/api/setup").then((said) => {
  byId("name-field").hidden = !said.first_person;
  say(byId("setup-title"), said.first_person ? "First administrator" : "You were invited");
  say(byId("code-hint"), said.first_person
    ? "It was printed when Interlock started, and stands in the file secrets/admin-code of its home."
    : "Whoever invited you has it; it works once.");
}).catch((refused) => { wrong.textContent = refused.message; });
