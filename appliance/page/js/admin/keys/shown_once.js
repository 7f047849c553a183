// A new key's text, which the box itself does not know any more.

import { Copy } from "../../hood/copy.js";
import { html, useEffect, useRef } from "../../view.js";
import { t } from "../../words.js";

/** @param {{made: any, close: () => void}} props */
export function ShownOnce({ made, close }) {
  const heading = useRef(/** @type {HTMLElement | null} */ (null));
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => {
    heading.current?.focus();
    heading.current?.scrollIntoView({ block: "center" });
  }, [made.id]);
  const mark = () => {
    field.current?.focus();
    field.current?.select();
  };
  return html`<section class="card shown-once" aria-labelledby="shown-once">
    <h2 id="shown-once" tabindex="-1" ref=${heading}>${t("admin.keys.made", { name: made.name })}</h2>
    <p><strong>${t("admin.keys.once")}</strong></p>
    <div class="fields">
      <label for="shown-once-key">${t("admin.keys.key")}</label>
      <input id="shown-once-key" ref=${field} readonly value=${made.key} onFocus=${mark} spellcheck=${false} autocomplete="off" />
      <div class="actions">
        <${Copy} text=${made.key} words="admin.keys.copy" refused=${mark} />
        <button onClick=${close}>${t("admin.keys.noted")}</button>
      </div>
    </div>
  </section>`;
}
