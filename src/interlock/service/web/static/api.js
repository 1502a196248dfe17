// The one way to the API: errors as sentences, sign-in and second factor asked for where needed.

import { el } from "./dom.js";

/** What the API said no with. */
export class Refused extends Error {
  constructor(status, error) {
    super(error.message || `the answer was ${status}.`);
    this.status = status;
    this.code = error.code || "";
    this.id = error.id || "";
    this.more = error;
  }
}

const here = () => encodeURIComponent(location.pathname + location.search);

/** Leaves for the sign-in page and comes back after it. */
export function signIn() {
  if (!location.pathname.startsWith("/login")) location.assign(`/login?next=${here()}`);
}

async function ask(method, path, body, headers) {
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: { Accept: "application/json", ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: "same-origin",
      redirect: "error",
      cache: "no-store",
    });
  } catch {
    throw new Refused(0, { code: "UNREACHABLE", message: "The gateway does not answer. Is interlock run still running?" });
  }
  const text = await answer.text();
  let content = null;
  try {
    content = text ? JSON.parse(text) : null;
  } catch {
    content = null;
  }
  return { answer, content };
}

function judged(answer, content) {
  if (answer.ok) return content;
  throw new Refused(answer.status, (content && content.error) || {});
}

/**
 * Reads. `background` says that no person asked for it: a page that is left open must not keep its
 * session alive. `orElse` takes answers that are no success but hold what was asked for.
 */
export async function get(path, { background = false, any = false } = {}) {
  const { answer, content } = await ask("GET", path, undefined, background ? { "X-Interlock-Background": "1" } : {});
  if (answer.status === 401) signIn();
  return any && content && !content.error ? content : judged(answer, content);
}

/** Changes something. A second factor is asked for where the API wants one, and then it is sent again. */
export async function send(method, path, body, { stays = false } = {}) {
  const headers = { "X-Interlock": "1", ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
  const first = await ask(method, path, body, headers);
  const error = first.content && first.content.error;
  if (first.answer.status === 403 && error && error.code === "STEP_UP_NEEDED") {
    await stepUp();
    const second = await ask(method, path, body, headers);
    return judged(second.answer, second.content);
  }
  if (first.answer.status === 401 && !stays) signIn();
  return judged(first.answer, first.content);
}

/** Asks for a fresh code of the second factor until one is right, or the person gives up. */
export function stepUp() {
  return new Promise((resolve, reject) => {
    const code = el("input", { id: "step-up-code", name: "code", inputmode: "numeric", autocomplete: "one-time-code", required: true, maxlength: 8, class: "code" });
    const wrong = el("p", { class: "error", role: "alert" });
    const go = el("button", { type: "submit", class: "primary" }, "Confirm");
    const away = el("button", { type: "button" }, "Cancel");
    const form = el("form", { method: "dialog", autocomplete: "off" },
      el("h2", { id: "step-up-title" }, "Show your second factor"),
      el("p", {}, "This needs a fresh code, even though you are signed in."),
      el("label", { for: "step-up-code" }, "Code of your authenticator"),
      code, wrong, el("div", { class: "actions" }, away, go));
    const box = el("dialog", { class: "dialog", "aria-labelledby": "step-up-title" }, form);
    const end = (done, value) => { box.close(); box.remove(); done(value); };
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      try {
        await send("POST", "/api/step-up", { code: code.value.trim() }, { stays: true });
        end(resolve);
      } catch (refused) {
        wrong.textContent = refused.message;
        go.disabled = false;
        code.select();
      }
    });
    away.addEventListener("click", () => end(reject, new Refused(0, { code: "GIVEN_UP", message: "Nothing was done: no code was shown." })));
    box.addEventListener("cancel", (event) => { event.preventDefault(); away.click(); });
    document.body.append(box);
    box.showModal();
    code.focus();
  });
}
