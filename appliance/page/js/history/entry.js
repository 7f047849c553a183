// One entry of a conversation: a thing that was said, with its time and its sound; a call; a note.

import { Saying } from "../talk/saying.js";
import { html } from "../view.js";
import { moment, t } from "../words.js";
import { Clip } from "./clip.js";

/** @param {{entry: import("./entries.js").Entry, conversation: string}} props */
export function Entry({ entry, conversation }) {
  switch (entry.kind) {
    case "said":
      return html`<${Saying} said=${entry.said}>
        <div class="beneath">
          ${entry.at !== null && html`<time class="quiet small" datetime=${new Date(entry.at * 1000).toISOString()}>${moment(entry.at, { timeStyle: "short" })}</time>`}
          ${entry.clip && html`<${Clip} conversation=${conversation} item=${entry.id} />`}
        </div>
      <//>`;
    case "call":
      return html`<${Call} ...${entry} />`;
    case "note":
      return html`<details class="aside small"><summary>${t(`history.${entry.name}`)}</summary><p>${entry.text}</p></details>`;
  }
}

/** @param {{name: string, given: string, gave: string | null}} props */
function Call({ name, given, gave }) {
  return html`<details class="aside small"><summary>${name ? t("history.called", { name }) : t("history.gave")}</summary>
    ${given && html`<pre tabindex="0" aria-label=${t("history.given")}>${given}</pre>`}
    ${gave !== null && html`<p class="quiet">${t("history.gave")}</p><pre tabindex="0" aria-label=${t("history.gave")}>${gave}</pre>`}
  </details>`;
}
