import { html } from "../view.js";

export function Assistants() {
  return html`<section class="card"></section>`;
}
