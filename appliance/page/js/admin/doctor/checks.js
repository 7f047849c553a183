// What the doctor saw and what to do, the worst first.

import { html } from "../../view.js";
import { t } from "../../words.js";
import { pieces } from "./sentence.js";

/** @type {Record<string, string>} */
const SIGNS = { fault: "✕", warning: "!", note: "i", ok: "✓", skipped: "–" };

/** @param {{checks: import("./examination.js").Check[]}} props */
export function Checks({ checks }) {
  return html`<ul class="checks">
    ${checks.map(
      (check) => html`<li key=${check.name} class=${`check ${check.outcome}`}>
      <p class="outcome"><span class="sign" aria-hidden="true">${SIGNS[check.outcome] ?? "?"}</span>${t(`admin.doctor.${check.outcome}`)}</p>
      <div><h3 lang="en">${check.name}</h3>
        <p lang="en"><${Sentence} text=${check.seen} /></p>
        ${check.do && html`<p class="do">${t("admin.doctor.do")} <span lang="en"><${Sentence} text=${check.do} /></span></p>`}
      </div></li>`,
    )}
  </ul>`;
}

/** @param {{text: string}} props */
function Sentence({ text }) {
  return pieces(text).map((piece) => (piece.code ? html`<code>${piece.text}</code>` : piece.text));
}
