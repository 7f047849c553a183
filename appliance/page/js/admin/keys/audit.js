// What was done to the box and by whom, newest first, a page at a time.

import { ask } from "../../http.js";
import { said } from "../../sign_in.js";
import { html, useEffect, useState } from "../../view.js";
import { moment, number, t } from "../../words.js";
import { named } from "../named.js";

const PAGE = 25;

/** It begins anew with each `turn`. @param {{turn: number}} props */
export function Audit({ turn }) {
  const [entries, setEntries] = useState(/** @type {any[] | null} */ (null));
  const [more, setMore] = useState(false);
  const [wrong, setWrong] = useState(/** @type {unknown} */ (""));
  const load = async (/** @type {any[]} */ before) => {
    setWrong("");
    const from = before.length ? `&before=${before.at(-1).number}` : "";
    try {
      const { data } = await ask("GET", `/v1/admin/audit?limit=${PAGE + 1}${from}`);
      setMore(data.length > PAGE);
      setEntries([...before, ...data.slice(0, PAGE)]);
    } catch (error) {
      setWrong(said(error));
    }
  };
  useEffect(() => void load([]), [turn]);
  return html`<section class="card" aria-labelledby="audit">
    <h2 id="audit">${t("admin.keys.audit")}</h2>
    <div role="status">${!entries && !wrong && html`<p class="quiet">${t("admin.told.asking")}</p>`}</div>
    ${entries?.length === 0 && html`<p class="quiet">${t("admin.keys.audit_none")}</p>`}
    ${
      entries &&
      entries.length > 0 &&
      html`<div class="scroll stacked" tabindex="0" role="group" aria-labelledby="audit"><table>
      <thead><tr>${["at", "actor", "action", "object", "address"].map((each) => html`<th key=${each} scope="col">${t(`admin.keys.${each}`)}</th>`)}
        <th scope="col" class="number">${t("admin.keys.times")}</th></tr></thead>
      <tbody>${entries.map(
        (each) => html`<tr key=${each.number}>
        <td class="whole" data-name=${t("admin.keys.at")}>${moment(each.at)}</td>
        <td data-name=${t("admin.keys.actor")}>${each.actor || t("admin.keys.nobody")}</td>
        <td data-name=${t("admin.keys.action")}>${named("admin.keys.did", each.action)}</td>
        <td data-name=${t("admin.keys.object")}>${each.object}</td>
        <td data-name=${t("admin.keys.address")}>${each.address}</td>
        <td data-name=${t("admin.keys.times")} class="number">${each.times > 1 && number(each.times)}</td></tr>`,
      )}</tbody></table></div>`
    }
    <p role="alert" class="wrong">${wrong}</p>
    <div class="actions">
      ${wrong && html`<button onClick=${() => load(entries ?? [])}>${t("admin.told.again")}</button>`}
      ${more && !wrong && html`<button onClick=${() => load(entries ?? [])}>${t("admin.keys.older")}</button>`}
    </div>
  </section>`;
}
