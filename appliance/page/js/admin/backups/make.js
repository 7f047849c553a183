// A backup is made: for whom it is encrypted, and how far it is.

import { ask } from "../../http.js";
import { said } from "../../sign_in.js";
import { html, useState } from "../../view.js";
import { known, t } from "../../words.js";
import { Field, isAbout } from "../care/field.js";
import { Progress } from "../care/progress.js";

/** @param {{making: any, writable: boolean, folder: string, again: () => Promise<void>}} props */
export function Make({ making, writable, folder, again }) {
  const [keys, setKeys] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const running = making?.state === "running";
  const make = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await ask("POST", "/v1/admin/backups", { recipients: keys.split(/\s+/).filter(Boolean) });
      await again();
    } catch (wrong) {
      setError(wrong);
    }
    setBusy(false);
  };
  const cancel = async () => {
    setError(null);
    await ask("DELETE", "/v1/admin/backups/making").catch(setError);
    await again();
  };
  const write = (/** @type {InputEvent} */ event) => {
    setKeys(/** @type {HTMLTextAreaElement} */ (event.currentTarget).value);
  };
  return html`<form class="fields" onSubmit=${make}>
    ${!writable && html`<p class="notice wide">${t("admin.backups.not_writable", { folder })}</p>`}
    <details open=${keys ? true : undefined}>
      <summary>${t("admin.backups.encrypt")}</summary>
      <${Field} id="recipients" label=${t("admin.backups.recipients")} param="recipients" help=${t("admin.backups.recipients_help")} error=${error}>
        ${(/** @type {object} */ tied) => html`<textarea ...${tied} rows="2" spellcheck="false" value=${keys} onInput=${write}></textarea>`}
      <//>
    </details>
    <p role="alert" class="wrong">${error && !isAbout(error, "recipients") ? said(error) : ""}</p>
    <div class="actions"><button class="primary" disabled=${busy || running || !writable}>${t("admin.backups.make_yes")}</button>
      ${running && html`<button type="button" onClick=${cancel}>${t("admin.backups.cancel")}</button>`}</div>
    ${making && html`<${Making} making=${making} />`}
  </form>`;
}

/** @param {{making: any}} props */
function Making({ making }) {
  const step = `admin.backups.doing_${making.doing}`;
  const doing = known(step) ? t(step) : t("admin.backups.running");
  if (making.state === "failed")
    return html`<p role="alert" class="wrong">${t("admin.backups.failed")} <span lang="en">${making.why}</span></p>`;
  return html`<div role="status">
      <p class=${making.state === "done" ? "good" : "quiet"}>${making.state === "running" ? doing : t(`admin.backups.${making.state}`, { name: making.name ?? "" })}</p>
    </div>
    ${making.state === "running" && html`<${Progress} label=${doing} done=${making.done} total=${making.total} />`}`;
}
