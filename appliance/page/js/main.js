// The page begins: its words, who is there, and what is shown. Until the box can be reached, the page says so and asks again.

import { App } from "./app.js";
import { ask, Refused } from "./http.js";
import * as kept from "./kept.js";
import { Unreached } from "./unreached.js";
import { effect, html, render } from "./view.js";
import { who } from "./who.js";
import { fitting, speak } from "./words.js";

const AGAIN_MS = 2_000;
/** A box that was switched on is up by then. */
const MOST_TRIES = 150;
/** For one answer: nothing is shown before the first one. */
const PATIENCE_MS = 8_000;

/** Somebody, or null where the box wants a key. Raises what else it answers. */
async function recognise() {
  try {
    return await ask("GET", "/v1/session", undefined, { patience: PATIENCE_MS });
  } catch (error) {
    if (error instanceof Refused && error.status === 401) return null;
    throw error;
  }
}

async function begin() {
  const wanted = fitting([kept.pageLanguage.peek(), ...navigator.languages]);
  for (let tries = 1; ; tries += 1) {
    const [spoken, found] = await Promise.allSettled([speak(wanted), recognise()]);
    if (spoken.status === "fulfilled" && found.status === "fulfilled") {
      who.value = found.value;
      return render(html`<${App} />`, document.body);
    }
    const why = found.status === "rejected" ? found.reason : null;
    const refusal = why?.code === "origin_refused" ? why.message : "";
    const trying = !refusal && tries < MOST_TRIES;
    render(html`<${Unreached} trying=${trying} refusal=${refusal} />`, document.body);
    if (!trying) return;
    await new Promise((again) => setTimeout(again, AGAIN_MS));
  }
}

effect(() => {
  document.documentElement.dataset.theme = kept.theme.value;
});

await begin();
performance.mark("interactive");
