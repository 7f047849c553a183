// What stands in place of a view's data, or above it: that it is asked for, or why it could not be had.

import { said } from "../sign_in.js";
import { html } from "../view.js";
import { t } from "../words.js";

/** @param {{door: {data: any, error: unknown, again: () => Promise<void>}}} props */
export function Told({ door }) {
  return html`
    <div role="status">${!door.data && !door.error && html`<p class="quiet">${t("admin.told.asking")}</p>`}</div>
    <div role="alert">
      ${
        door.error &&
        html`<p class="notice wrong">${said(door.error)} ${door.data && t("admin.told.old")}
        <button class="small" onClick=${door.again}>${t("admin.told.again")}</button></p>`
      }
    </div>`;
}
