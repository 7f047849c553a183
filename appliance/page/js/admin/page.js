// Admin: placeholder until its own views are there.

import { html } from "../view.js";
import { t } from "../words.js";

export function AdminPage() {
  return html`<section class="card"><h1>${t("nav.admin")}</h1></section>`;
}
