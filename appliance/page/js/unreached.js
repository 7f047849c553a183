// The page before it can begin: the box is not there, or will not have the page. There may be no words yet, so that each has its English.

import { Icon } from "./icons.js";
import { html } from "./view.js";
import { known, language, t } from "./words.js";

/** @param {string} key @param {string} english */
const say = (key, english) => (known(key) ? t(key) : english);

/** `refusal`: what the box said instead, in English. `trying`: the page asks again by itself. @param {{trying: boolean, refusal?: string}} props */
export function Unreached({ trying, refusal = "" }) {
  const text = trying
    ? say("unreached.trying", "The box cannot be reached. It may be starting. Trying again …")
    : say("unreached.given_up", "The box cannot be reached. Look whether it is switched on and in the same network.");
  return html`<main class="sign-in"><div class="card narrow">
    <p class="brand"><${Icon} name="mark" /></p>
    ${
      refusal
        ? html`<p role="alert">${language.peek() !== "en" && t("error.origin_refused")} <span lang="en">${refusal}</span></p>`
        : html`<p role=${trying ? "status" : "alert"}>${text}</p>`
    }
    <button class="primary" onClick=${() => location.reload()}>${say("load_again", "Load again")}</button>
  </div></main>`;
}
