// A control with its name, a word of help, and what the box found wrong with it.

import { said } from "../../sign_in.js";
import { html } from "../../view.js";

/**
 * Whether an error is about a field: its own name, or one inside it. @param {unknown} error @param {string} field
 */
export function isAbout(error, field) {
  const param = /** @type {{param?: string | null} | null} */ (error)?.param ?? "";
  return param === field || param.startsWith(`${field}.`) || param.startsWith(`${field}[`);
}

/**
 * `children` makes the control from the attributes that tie it to the rest. `param` is the box's name for it.
 * @param {{id: string, label: string, param: string, help?: string, error?: unknown,
 *     children: (attributes: Record<string, string | undefined>) => unknown}} props
 */
export function Field({ id, label, param, help, error, children }) {
  const wrong = isAbout(error, param) ? said(error) : "";
  const described = [help && `${id}-help`, wrong && `${id}-wrong`].filter(Boolean).join(" ");
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${children({ id, "aria-describedby": described || undefined, "aria-invalid": wrong ? "true" : undefined })}
    ${help && html`<p id=${`${id}-help`} class="quiet small">${help}</p>`}
    <p id=${`${id}-wrong`} role="alert" class="wrong small">${wrong}</p>
  </div>`;
}
