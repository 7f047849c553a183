import { html } from "../view.js";

export function Doctor() {
  return html`<section class="card"></section>`;
}
