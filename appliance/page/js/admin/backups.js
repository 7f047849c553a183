import { html } from "../view.js";

export function Backups() {
  return html`<section class="card"></section>`;
}
