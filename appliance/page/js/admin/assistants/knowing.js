// Which collections an assistant knows, and how it looks into them.

import { Link } from "../../place.js";
import { said } from "../../sign_in.js";
import { html } from "../../view.js";
import { t } from "../../words.js";
import { isAbout } from "../care/field.js";
import { STORES, toggled } from "./draft.js";

/** @type {readonly ("automatic" | "tool")[]} */
const WAYS = ["automatic", "tool"];

/**
 * @param {{draft: import("./draft.js").Draft, collections: readonly any[], error: unknown,
 *     set: (news: Partial<import("./draft.js").Draft>) => void}} props
 */
export function Knowing({ draft, collections, error, set }) {
  const wrong = isAbout(error, STORES) || isAbout(error, "retrieval");
  return html`
    <fieldset>
      <legend>${t("admin.assistants.collections")}</legend>
      ${collections.length === 0 && html`<p class="quiet">${t("admin.assistants.no_collections")} <${Link} to="/admin/knowledge">${t("admin.knowledge")}<//></p>`}
      ${collections.map(
        (each) => html`<label key=${each.id} class="knows">
          <input type="checkbox" checked=${draft.collections.includes(each.id)}
            onChange=${() => set({ collections: toggled(draft.collections, each.id) })} />
          <span>${each.name || t("admin.knowledge.nameless")}
            <span class="quiet small">${t("admin.knowledge.documents", { count: each.file_counts.total })}</span></span></label>`,
      )}
      <p role="alert" class="wrong small">${wrong ? said(error) : ""}</p>
    </fieldset>
    ${
      draft.collections.length > 0 &&
      html`<fieldset>
      <legend>${t("admin.assistants.retrieval")}</legend>
      ${WAYS.map(
        (way) => html`<label key=${way} class="knows">
          <input type="radio" name="retrieval" value=${way} checked=${draft.retrieval === way} onChange=${() => set({ retrieval: way })} />
          <span>${t(`admin.assistants.retrieval_${way}`)}
            <span class="quiet small">${t(`admin.assistants.retrieval_${way}_help`)}</span></span></label>`,
      )}
    </fieldset>`
    }`;
}
