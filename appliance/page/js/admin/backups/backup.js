// One backup: when it is of, whether it is sound, and what can be done with it.

import { ask } from "../../http.js";
import { Icon } from "../../icons.js";
import { said } from "../../sign_in.js";
import { html, useState } from "../../view.js";
import { moment, size, t } from "../../words.js";
import { AskFirst } from "../ask_first.js";
import { judged } from "./judged.js";

/** So long the box may read one. */
const PATIENCE_MS = 1_860_000;

/** @param {{backup: any, writable: boolean, again: () => Promise<void>}} props */
export function Backup({ backup, writable, again }) {
  const [reads, setReads] = useState(false);
  const [deletes, setDeletes] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const door = `/v1/admin/backups/${encodeURIComponent(backup.name)}`;
  const made = moment(backup.made_at);
  const verify = async () => {
    setReads(true);
    setError(null);
    try {
      await ask("POST", `${door}/verify`, undefined, { patience: PATIENCE_MS });
      await again();
    } catch (wrong) {
      setError(wrong);
    }
    setReads(false);
  };
  const close = (/** @type {boolean} */ done) => {
    setDeletes(false);
    if (done) again();
  };
  return html`<li class="thing">
    <div>
      <h3>${made}</h3>
      <p class="quiet small">${[size(backup.bytes), t(backup.encrypted ? "admin.backups.encrypted" : "admin.backups.plain"), backup.name].join(" · ")}</p>
      <${Verdict} verdict=${backup.verified} reads=${reads} />
      <p role="alert" class="wrong small">${error ? said(error) : ""}</p>
    </div>
    <div class="actions small">
      <a class="button" href=${door} download=${backup.name} aria-label=${`${t("admin.backups.download")}: ${made}`}><${Icon} name="download" />${t("admin.backups.download")}</a>
      <button disabled=${reads} aria-label=${`${t("admin.backups.verify")}: ${made}`} onClick=${verify}>${t("admin.backups.verify")}</button>
      <button class="danger" disabled=${!writable} aria-label=${`${t("admin.backups.delete")}: ${made}`} onClick=${() => setDeletes(true)}>
        <${Icon} name="bin" />${t("admin.backups.delete")}</button>
    </div>
    ${
      deletes &&
      html`<${AskFirst} title=${t("admin.backups.delete_title", { made })} text=${t("admin.backups.delete_text")}
        yes=${t("admin.backups.delete_yes")} act=${() => ask("DELETE", door)} close=${close} />`
    }
  </li>`;
}

/** @param {{verdict: {sound: boolean | null, why: string, at: number} | null, reads: boolean}} props */
function Verdict({ verdict, reads }) {
  const { tone, words } = judged(verdict);
  return html`<div role="status" class="small">${
    reads
      ? html`<p>${t("admin.backups.verifying")}</p><progress aria-label=${t("admin.backups.verifying")}></progress>`
      : html`<p class=${tone}>${t(`admin.backups.${words}`, { at: verdict ? moment(verdict.at) : "", why: verdict?.why ?? "" })}</p>`
  }</div>`;
}
