// All keys without their texts; those that open nothing any more only if they are asked for.

import { ask } from "../../http.js";
import { html, useRef, useState } from "../../view.js";
import { moment, t } from "../../words.js";
import { AskFirst } from "../ask_first.js";

/** @param {{keys: any[], revoked: () => void}} props */
export function KeyList({ keys, revoked }) {
  const [all, setAll] = useState(false);
  const [leaving, setLeaving] = useState(/** @type {any} */ (null));
  const table = useRef(/** @type {HTMLElement | null} */ (null));
  const past = keys.filter((key) => key.state !== "active");
  const shown = all ? keys : keys.filter((key) => key.state === "active");
  const closed = (/** @type {boolean} */ done) => {
    setLeaving(null);
    if (!done) return;
    table.current?.focus(); // the button that was pressed is gone
    revoked();
  };
  if (!keys.length) return html`<p class="quiet">${t("admin.keys.none")}</p>`;
  return html`
    ${
      past.length > 0 &&
      html`<label class="tick"><input type="checkbox" checked=${all} onChange=${() => setAll(!all)} />
      <span>${t("admin.keys.past", { count: past.length })}</span></label>`
    }
    ${
      shown.length === 0
        ? html`<p class="quiet">${t("admin.keys.none_active")}</p>`
        : html`<div class="scroll stacked" ref=${table} tabindex="0" role="group" aria-label=${t("admin.keys.all")}>
      <table>
        <thead><tr>${["name", "user", "role", "scopes", "state", "used", "expires"].map((each) => html`<th key=${each} scope="col">${t(`admin.keys.${each}`)}</th>`)}
          <th scope="col"><span class="hidden">${t("admin.keys.revoke")}</span></th></tr></thead>
        <tbody>${shown.map((key) => html`<${Row} key=${key.id} shown=${key} revoke=${() => setLeaving(key)} />`)}</tbody>
      </table></div>`
    }
    ${
      leaving &&
      html`<${AskFirst} title=${t("admin.keys.revoke_title", { name: leaving.name })} text=${t("admin.keys.revoke_text")}
      yes=${t("admin.keys.revoke")} act=${() => ask("DELETE", `/v1/admin/keys/${leaving.id}`)} close=${closed} />`
    }`;
}

/** @param {{shown: any, revoke: () => void}} props */
function Row({ shown, revoke }) {
  const limits = Object.entries(shown.limits);
  const scopes = shown.scopes.length ? shown.scopes.join(", ") : t("admin.keys.scopes_usual");
  return html`<tr>
    <th scope="row">${shown.name}<br /><code class="quiet">${shown.id}</code></th>
    <td data-name=${t("admin.keys.user")}>${shown.user}</td>
    <td data-name=${t("admin.keys.role")}>${t(`admin.keys.role_${shown.role}`)}</td>
    <td data-name=${t("admin.keys.scopes")}><span>${scopes}${
      limits.length > 0 &&
      html`<br /><span class="quiet small">${limits.map(([limit, most]) => `${limit} ${most}`).join(", ")}</span>`
    }</span></td>
    <td data-name=${t("admin.keys.state")} class=${shown.state === "active" ? "good" : "quiet"}>${t(`admin.keys.state_${shown.state}`)}</td>
    <td data-name=${t("admin.keys.used")}>${shown.last_used_at === null ? t("admin.keys.never_used") : moment(shown.last_used_at)}</td>
    <td data-name=${t("admin.keys.expires")}>${shown.expires_at === null ? t("admin.keys.never_expires") : moment(shown.expires_at)}</td>
    <td>${
      shown.state === "active" &&
      html`<button class="small danger" onClick=${revoke} aria-label=${t("admin.keys.revoke_one", { name: shown.name })}>
      ${t("admin.keys.revoke")}</button>`
    }</td>
  </tr>`;
}
