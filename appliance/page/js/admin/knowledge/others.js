// Documents that the box has and this collection has not: put in here as well, or deleted.

import { ask } from "../../http.js";
import { said } from "../../sign_in.js";
import { html, useState } from "../../view.js";
import { size, t } from "../../words.js";
import { AskFirst } from "../ask_first.js";

/**
 * @param {{store: string, files: {id: string, filename: string, bytes: number}[], added: () => Promise<void>,
 *     removed: (id: string, forGood: boolean) => void}} props
 */
export function Others({ store, files, added, removed }) {
  const [chosen, setChosen] = useState("");
  const [busy, setBusy] = useState(false);
  const [asks, setAsks] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const file = files.find((each) => each.id === chosen);
  const put = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await ask("POST", `/v1/vector_stores/${encodeURIComponent(store)}/files`, { file_id: chosen });
      setChosen("");
      await added();
    } catch (wrong) {
      setError(wrong);
    }
    setBusy(false);
  };
  const choose = (/** @type {Event} */ event) =>
    setChosen(/** @type {HTMLSelectElement} */ (event.currentTarget).value);
  const close = (/** @type {boolean} */ done) => {
    setAsks(false);
    if (done) removed(chosen, true);
  };
  return html`<form class="others" onSubmit=${put}>
    <label for="others">${t("admin.knowledge.others")}</label>
    <div class="line">
      <select id="others" value=${file ? chosen : ""} onChange=${choose}>
        <option value="">${t("admin.knowledge.others_choose")}</option>
        ${files.map((each) => html`<option key=${each.id} value=${each.id}>${each.filename} (${size(each.bytes)})</option>`)}
      </select>
      <button disabled=${busy || !file}>${t("admin.knowledge.others_add")}</button>
      <button type="button" class="danger" disabled=${!file} onClick=${() => setAsks(true)}>${t("admin.knowledge.delete_file")}</button>
    </div>
    <p role="alert" class="wrong">${error ? said(error) : ""}</p>
    ${
      asks &&
      file &&
      html`<${AskFirst} title=${t("admin.knowledge.delete_title", { name: file.filename })} text=${t("admin.knowledge.file_delete_text")}
        yes=${t("admin.knowledge.delete_yes")} act=${() => ask("DELETE", `/v1/files/${encodeURIComponent(file.id)}`)} close=${close} />`
    }
  </form>`;
}
