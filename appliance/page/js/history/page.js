// History: placeholder until its own views are there.

import { html } from "../view.js";
import { t } from "../words.js";

export function HistoryPage() {
  return html`<section class="card"><h1>${t("nav.history")}</h1></section>`;
}
