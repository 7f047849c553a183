// What is told of the change of sets: that it is under way, or how it went.

import { html } from "../../view.js";
import { t } from "../../words.js";

/** @param {{change: import("./switching.js").Change, used: string}} props */
export function Switched({ change, used }) {
  const { state, to, from, why, away } = change;
  if (state === "failed")
    return html`<div role="alert" class="notice wide wrong">
      <p><strong>${t("admin.models.switch_failed", { to })}</strong></p>
      <p>${t("admin.models.switch_back", { from })}</p>
      <p class="small">${why}</p></div>`;
  return html`<div role="status" class="notice wide">
    <p><strong>${t(`admin.models.switch_${state}`, { to, used })}</strong></p>
    ${
      state === "switching" &&
      html`<p>${t(away ? "admin.models.switch_away" : "admin.models.switch_wait")}</p>
      <progress aria-label=${t("admin.models.switch_switching", { to })}></progress>`
    }
  </div>`;
}
