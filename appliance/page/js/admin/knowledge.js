import { html } from "../view.js";

export function Knowledge() {
  return html`<section class="card"></section>`;
}
