import { html } from "../view.js";

export function Models() {
  return html`<section class="card"></section>`;
}
