// How far something is, as a bar and in figures.

import { html } from "../../view.js";
import { number, size } from "../../words.js";

/** Bytes done of all; `total` is null where nobody knows it yet. @param {{label: string, done: number, total: number | null}} props */
export function Progress({ label, done, total }) {
  const share = total ? Math.min(1, done / total) : 0;
  const figures = total
    ? `${number(share, { style: "percent" })} · ${size(done)} / ${size(total)}`
    : done
      ? size(done)
      : "";
  return html`<div class="far">
    <progress max="1" value=${total ? share : undefined} aria-label=${label}></progress>
    <span class="quiet small">${figures}</span>
  </div>`;
}
