// What is being fetched, or was last.

import { ask } from "../../http.js";
import { said } from "../../sign_in.js";
import { html, useState } from "../../view.js";
import { t } from "../../words.js";
import { Progress } from "../care/progress.js";

/** @param {{pull: any, again: () => Promise<void>}} props */
export function Pull({ pull, again }) {
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const names = pull.names.join(", ");
  const cancel = async () => {
    setError(null);
    try {
      await ask("DELETE", "/v1/admin/models/pulls/current");
    } catch (wrong) {
      setError(wrong);
    }
    await again();
  };
  const running = pull.state === "running";
  return html`<section class="card" aria-labelledby="pull">
    <h2 id="pull">${t(`admin.models.pull_${pull.state}`, { names })}</h2>
    <div role="status" class="small">
      ${running && html`<p class="quiet">${pull.doing || t("admin.models.pull_begins")}</p>`}
      ${pull.state === "done" && html`<p class="quiet">${pull.installed.length ? t("admin.models.pull_installed", { names: pull.installed.join(", ") }) : t("admin.models.pull_nothing")}</p>`}
      ${pull.state === "cancelled" && html`<p class="quiet">${t("admin.models.pull_kept")}</p>`}
    </div>
    ${running && html`<${Progress} label=${t("admin.models.pull_running", { names })} done=${pull.done} total=${pull.total} />`}
    <p role="alert" class="wrong">${error ? said(error) : pull.state === "failed" ? html`<span lang="en">${pull.why}</span>` : ""}</p>
    ${running && html`<div class="actions"><button onClick=${cancel}>${t("admin.models.cancel")}</button></div>`}
  </section>`;
}
