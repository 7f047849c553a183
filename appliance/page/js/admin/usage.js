import { html } from "../view.js";

export function Usage() {
  return html`<section class="card"></section>`;
}
