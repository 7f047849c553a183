// Under the hood: how long each stage of each turn took, what passed on the line, and the same as a command.

import { html, useState, useValue } from "../view.js";
import { t } from "../words.js";
import { Events } from "./events.js";
import { Turns } from "./turns.js";

/** @param {{talk: import("../live/talk.js").Talk}} props */
export function UnderTheHood({ talk }) {
  const [shown, show] = useState("turns");
  const conversation = useValue(talk.conversation);
  const tabs = ["turns", "events"];
  return html`<aside class="hood card" aria-label=${t("hood.title")}>
    <header><h2>${t("hood.title")}</h2><code class="small quiet">${conversation}</code></header>
    <div class="tabs" role="group" aria-label=${t("hood.title")}>
      ${tabs.map(
        (tab) => html`<button key=${tab} class="plain" aria-pressed=${shown === tab ? "true" : "false"}
        onClick=${() => show(tab)}>${t(`hood.${tab}`)}</button>`,
      )}
    </div>
    ${shown === "turns" ? html`<${Turns} talk=${talk} />` : html`<${Events} talk=${talk} />`}
  </aside>`;
}
