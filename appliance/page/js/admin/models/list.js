// Every model of the manifests, by what it does.

import { html } from "../../view.js";
import { known, language, size, t } from "../../words.js";
import { Fetch } from "./fetch.js";

/** @type {Record<string, string>} */
const TONE = { installed: "good", missing: "warn", damaged: "wrong" };

/** @param {{models: any, busy: boolean, again: () => Promise<void>}} props */
export function ModelList({ models, busy, again }) {
  const roles = [...new Set(models.data.map((/** @type {any} */ each) => each.role))];
  return html`<section class="card" aria-labelledby="models">
    <h2 id="models">${t("admin.models.each")}</h2>
    ${models.data.length === 0 && html`<p class="quiet">${t("admin.models.no_models")}</p>`}
    ${roles.map(
      (role) => html`<h3 key=${role} class="role">${roleName(role)}</h3>
      <ul class="things">${models.data
        .filter((/** @type {any} */ each) => each.role === role)
        .map(
          (/** @type {any} */ each) =>
            html`<${Line} key=${each.id} model=${each} disabled=${busy || !models.writable} again=${again} />`,
        )}</ul>`,
    )}
  </section>`;
}

/** @param {unknown} role */
function roleName(role) {
  return known(`admin.models.role_${role}`) ? t(`admin.models.role_${role}`) : String(role);
}

/** @param {string} tag */
function languageName(tag) {
  try {
    return new Intl.DisplayNames(language.value, { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag; // a manifest's own word, such as "multilingual"
  }
}

/** @param {{model: any, disabled: boolean, again: () => Promise<void>}} props */
function Line({ model, disabled, again }) {
  const memory = [model.ram_mb, model.vram_mb].map((mb) => size(mb * 1_000_000));
  return html`<li class="thing">
    <div>
      <h4>${model.id}
        ${" "}<span class=${`badge ${TONE[model.state]}`}>${t(`admin.models.state_${model.state}`)}</span>
        ${model.in_use && html` <span class="badge good">${t("admin.models.in_use")}</span>`}</h4>
      <p class="small">${model.description}</p>
      <dl class="figures">
        ${model.bytes !== null && html`<div><dt>${t("admin.models.size")}</dt><dd>${size(model.bytes)}</dd></div>`}
        <div><dt>${t("admin.models.licence")}</dt><dd>${model.licence}</dd></div>
        ${model.ram_mb > 0 && html`<div><dt>${t("admin.models.ram")}</dt><dd>${memory[0]}</dd></div>`}
        ${model.vram_mb > 0 && html`<div><dt>${t("admin.models.vram")}</dt><dd>${memory[1]}</dd></div>`}
        ${model.voice && html`<div><dt>${t("admin.models.voice")}</dt><dd>${model.voice}</dd></div>`}
        ${
          model.languages.length > 0 &&
          html`<div><dt>${t("admin.models.languages")}</dt><dd>${model.languages.length > MANY ? t("admin.models.many", { count: model.languages.length }) : model.languages.map(languageName).join(", ")}</dd></div>`
        }
      </dl>
    </div>
    ${model.state !== "installed" && html`<div class="actions small"><${Fetch} name=${model.id} disabled=${disabled} again=${again} /></div>`}
  </li>`;
}

/** Languages beyond which their number says more. */
const MANY = 8;
