import { html } from "../view.js";

export function Logs() {
  return html`<section class="card"></section>`;
}
