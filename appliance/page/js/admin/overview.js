import { html } from "../view.js";

export function Overview() {
  return html`<section class="card"></section>`;
}
