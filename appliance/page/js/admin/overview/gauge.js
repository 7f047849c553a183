// A bar, and what it means in figures.

import { html } from "../../view.js";

/** `share` from 0 to 1, or null where nobody knows. @param {{name: string, share: number | null, words: string}} props */
export function Gauge({ name, share, words }) {
  const full = Math.min(1, Math.max(0, share ?? 0));
  return html`<div class="gauge-row">
    <dt>${name}</dt>
    <dd><svg class=${full > 0.95 ? "gauge high" : "gauge"} viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
      <rect class="full" width=${full * 100} height="8" /></svg><span>${words}</span></dd>
  </div>`;
}
