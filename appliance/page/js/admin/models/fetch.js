// A button that has the box fetch a set or a model.

import { ask } from "../../http.js";
import { Icon } from "../../icons.js";
import { said } from "../../sign_in.js";
import { html, useState } from "../../view.js";
import { t } from "../../words.js";

/** @param {{name: string, disabled: boolean, again: () => Promise<void>}} props */
export function Fetch({ name, disabled, again }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const fetchIt = async () => {
    setBusy(true);
    setError(null);
    try {
      await ask("POST", "/v1/admin/models/pulls", { names: [name] });
      await again();
    } catch (wrong) {
      setError(wrong);
    }
    setBusy(false);
  };
  return html`<button aria-label=${`${t("admin.models.fetch")}: ${name}`} disabled=${disabled || busy} onClick=${fetchIt}>
      <${Icon} name="download" />${t("admin.models.fetch")}</button>
    <p role="alert" class="wrong small">${error ? said(error) : ""}</p>`;
}
