// The page begins: its words, who is there, and what is shown.

import { App } from "./app.js";
import { ask } from "./http.js";
import * as kept from "./kept.js";
import { effect, html, render } from "./view.js";
import { who } from "./who.js";
import { fitting, speak } from "./words.js";

async function recognise() {
  try {
    who.value = await ask("GET", "/v1/session");
  } catch {
    who.value = null;
  }
}

effect(() => {
  document.documentElement.dataset.theme = kept.theme.value;
});

await Promise.all([speak(fitting([kept.pageLanguage.peek(), ...navigator.languages])), recognise()]);
render(html`<${App} />`, document.body);
performance.mark("interactive");
