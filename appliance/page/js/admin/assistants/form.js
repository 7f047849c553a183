// The form of an assistant. What the box finds wrong stands at its field.

import { SPOKEN } from "../../choices.js";
import { ask } from "../../http.js";
import { go } from "../../place.js";
import { said } from "../../sign_in.js";
import { html, useRef, useState, useValue } from "../../view.js";
import { may } from "../../who.js";
import { language, t } from "../../words.js";
import { Field, isAbout } from "../care/field.js";
import { FIELDS, toBody } from "./draft.js";
import { Knowing } from "./knowing.js";

/**
 * `id` is null for a new one; `begin` is what stands in the form first.
 * @param {{id: string | null, begin: import("./draft.js").Draft, voices: readonly string[], collections: readonly any[]}} props
 */
export function AssistantForm({ id, begin, voices, collections }) {
  const [draft, setDraft] = useState(begin);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const form = useRef(/** @type {HTMLFormElement | null} */ (null));
  const set = (/** @type {Partial<import("./draft.js").Draft>} */ news) => setDraft({ ...draft, ...news });
  const write = (/** @type {Event} */ event) => {
    const { name, value } = /** @type {HTMLInputElement} */ (event.currentTarget);
    set({ [name]: value });
  };
  const save = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await ask("POST", id ? `/v1/assistants/${encodeURIComponent(id)}` : "/v1/assistants", toBody(draft));
      go("/admin/assistants");
    } catch (wrong) {
      setError(wrong);
      setBusy(false);
      requestAnimationFrame(() =>
        /** @type {HTMLElement | null | undefined} */ (form.current?.querySelector('[aria-invalid="true"]'))?.focus(),
      );
    }
  };
  const elsewhere = error && !FIELDS.some((each) => isAbout(error, each));
  return html`<form ref=${form} class="fields" onSubmit=${save}>
    <${Field} id="a-name" label=${t("admin.assistants.name")} param="name" help=${t("admin.assistants.name_help")} error=${error}>
      ${(/** @type {object} */ tied) => html`<input ...${tied} name="name" required maxlength="64" autocomplete="off" value=${draft.name} onInput=${write} />`}
    <//>
    <${Field} id="a-description" label=${t("admin.assistants.description")} param="description" error=${error}>
      ${(/** @type {object} */ tied) => html`<input ...${tied} name="description" maxlength="512" value=${draft.description} onInput=${write} />`}
    <//>
    <${Field} id="a-instructions" label=${t("admin.assistants.instructions")} param="instructions" help=${t("admin.assistants.instructions_help")} error=${error}>
      ${(/** @type {object} */ tied) => html`<textarea ...${tied} name="instructions" rows="6" maxlength="32000" value=${draft.instructions} onInput=${write}></textarea>`}
    <//>
    <div class="pair">
      <${Choice} name="voice" value=${draft.voice} usual=${t("admin.assistants.voice_usual")} error=${error} write=${write}
        options=${voices.map((each) => [each, each])} />
      <${Language} value=${draft.language} error=${error} write=${write} />
      <${Field} id="a-temperature" label=${t("admin.assistants.temperature")} param="temperature" help=${t("admin.assistants.temperature_help")} error=${error}>
        ${(/** @type {object} */ tied) => html`<input ...${tied} name="temperature" type="number" min="0" max="2" step="any" value=${draft.temperature} onInput=${write} />`}
      <//>
    </div>
    <${Knowing} draft=${draft} collections=${collections} error=${error} set=${set} />
    ${
      may("admin") &&
      html`<label class="row"><span>${t("admin.assistants.shared")}<br /><span class="quiet small">${t("admin.assistants.shared_help")}</span></span>
      <input type="checkbox" role="switch" checked=${draft.shared} onChange=${() => set({ shared: !draft.shared })} /></label>
      <p role="alert" class="wrong small">${isAbout(error, "shared") ? said(error) : ""}</p>`
    }
    <p role="alert" class="wrong">${elsewhere ? said(error) : ""}</p>
    <div class="actions">
      <button class="primary" disabled=${busy}>${t(busy ? "admin.assistants.saving" : id ? "admin.assistants.save" : "admin.assistants.make")}</button>
      <button type="button" onClick=${() => go("/admin/assistants")}>${t("admin.assistants.leave")}</button>
    </div>
  </form>`;
}

/** @param {{value: string, error: unknown, write: (event: Event) => void}} props */
function Language({ value, error, write }) {
  const names = new Intl.DisplayNames(useValue(language), { type: "language" });
  const options = SPOKEN.map((tag) => [tag, names.of(tag) ?? tag]);
  return html`<${Choice} name="language" value=${value} usual=${t("admin.assistants.language_usual")} error=${error} write=${write} options=${options} />`;
}

/**
 * One of several; what the box has and nobody would choose here stays as it is.
 * @param {{name: string, value: string, usual: string, options: [string, string][], error: unknown, write: (event: Event) => void}} props
 */
function Choice({ name, value, usual, options, error, write }) {
  const all = value && !options.some(([key]) => key === value) ? [...options, [value, value]] : options;
  return html`<${Field} id=${`a-${name}`} label=${t(`admin.assistants.${name}`)} param=${name} error=${error}>
    ${(/** @type {object} */ tied) => html`<select ...${tied} name=${name} onChange=${write}>
      <option value="" selected=${!value}>${usual}</option>
      ${all.map(([key, words]) => html`<option key=${key} value=${key} selected=${key === value}>${words}</option>`)}</select>`}
  <//>`;
}
