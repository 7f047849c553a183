import { html } from "../view.js";

export function Keys() {
  return html`<section class="card"></section>`;
}
