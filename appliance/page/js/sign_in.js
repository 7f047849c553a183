// Signing in: a key is shown to the box once, which gives the browser a cookie that no script can read.

import { ask, Refused } from "./http.js";
import { Icon } from "./icons.js";
import { html, useState } from "./view.js";
import { who } from "./who.js";
import { known, t } from "./words.js";

/** Codes of which the box's own sentence says more: which field it is, and what is right. */
const EXACT = new Set(["invalid_value"]);

/**
 * What to say of an error, to be drawn: words of our own for its code where there are any, or the box's English sentence.
 * @param {unknown} error
 * @returns {unknown}
 */
export function said(error) {
  const { code, message } = /** @type {{code?: string, message?: string}} */ (error ?? {});
  if (code && known(`error.${code}`) && !(message && EXACT.has(code))) return t(`error.${code}`);
  return message ? html`<span lang="en">${message}</span>` : t("error.unknown");
}

export function SignIn() {
  const [wrong, setWrong] = useState(/** @type {unknown} */ (""));
  const [busy, setBusy] = useState(false);
  const enter = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = new FormData(/** @type {HTMLFormElement} */ (event.currentTarget));
    setBusy(true);
    setWrong("");
    try {
      who.value = await ask("POST", "/v1/session", { key: form.get("key") });
    } catch (error) {
      setWrong(error instanceof Refused && error.status === 401 ? t("sign_in.wrong") : said(error));
    } finally {
      setBusy(false);
    }
  };
  return html`<main class="sign-in">
    <form class="card narrow" onSubmit=${enter}>
      <p class="brand"><${Icon} name="mark" /></p>
      <h1>${t("sign_in.title")}</h1>
      <label for="key">${t("sign_in.key")}</label>
      <input id="key" name="key" type="password" autocomplete="current-password" required autofocus
        aria-describedby="key-help" aria-invalid=${wrong ? "true" : undefined} />
      <p id="key-help" class="quiet">${t("sign_in.help")}</p>
      <p role="alert" class="wrong">${wrong}</p>
      <button class="primary" disabled=${busy}>${t(busy ? "sign_in.busy" : "sign_in.enter")}</button>
    </form>
  </main>`;
}
