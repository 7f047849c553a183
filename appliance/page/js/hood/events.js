// What passes on the line, newest first. Sound is left out.

import { html, useValue } from "../view.js";
import { number, t } from "../words.js";

/** @param {{talk: import("../live/talk.js").Talk}} props */
export function Events({ talk }) {
  const all = useValue(talk.events);
  if (!all.length) return html`<p class="quiet">${t("hood.no_events")}</p>`;
  return html`<ol class="events" reversed>
    ${all.toReversed().map(
      ({ number: key, out, at, event }) => html`<li key=${key}>
      <details><summary><span class="quiet">${number(at / 1000, { minimumFractionDigits: 3, maximumFractionDigits: 3 })}</span>
        <span aria-label=${t(out ? "hood.sent" : "hood.received")}>${out ? "↑" : "↓"}</span> ${event.type}</summary>
        <pre tabindex="0">${JSON.stringify(event, null, 2)}</pre></details></li>`,
    )}
  </ol>`;
}
