// A turn as a picture: when each job waited (pale) and was worked on, and when each stage was ready. Milliseconds from the
// user's last voice.

import { html } from "../view.js";
import { number, span, t } from "../words.js";

const ROW = 18;
const LEFT = 74;
const WIDTH = 420;

/** @param {{story: any}} props */
export function Waterfall({ story }) {
  const jobs = story.jobs.slice(0, 40);
  const marks = Object.entries(/** @type {Record<string, number>} */ (story.marks));
  const times = [
    ...jobs.flatMap((/** @type {any} */ job) => [job.sent_ms, job.ended_ms]),
    ...marks.map(([, at]) => at),
  ];
  const from = Math.min(0, ...times);
  const to = Math.max(1, ...times);
  const x = (/** @type {number} */ ms) => LEFT + ((ms - from) / (to - from)) * (WIDTH - LEFT - 8);
  const height = jobs.length * ROW + 34;
  const sent = story.marks.sent;
  return html`<svg class="waterfall" viewBox=${`0 0 ${WIDTH} ${height}`} role="img" aria-label=${t("hood.waterfall", { span: span(sent ?? to) })}>
    ${jobs.map(
      (/** @type {any} */ job, /** @type {number} */ row) => html`<g key=${row} class=${job.stage}>
      <text x="0" y=${row * ROW + 13}>${job.job}</text>
      <rect class="waits" x=${x(job.sent_ms)} y=${row * ROW + 4} width=${Math.max(1, x(job.began_ms ?? job.ended_ms) - x(job.sent_ms))} height="11" />
      ${
        job.began_ms !== null &&
        html`<rect class="works" x=${x(job.began_ms)} y=${row * ROW + 4}
        width=${Math.max(1.5, x(job.ended_ms) - x(job.began_ms))} height="11" rx="2"><title>${`${job.stage} ${job.job}: ${span(job.ended_ms - job.began_ms)}`}</title></rect>`
      }
    </g>`,
    )}
    <line class="zero" x1=${x(0)} x2=${x(0)} y1="0" y2=${height - 30} />
    ${
      sent !== undefined &&
      html`<line class="sent" x1=${x(sent)} x2=${x(sent)} y1="0" y2=${height - 30} />
      <text class="axis" x=${Math.min(x(sent), WIDTH - 60)} y=${height - 16}>${span(sent)}</text>`
    }
    <text class="axis" x=${x(0) + 2} y=${height - 16}>0</text>
    <text class="axis" x="0" y=${height - 2}>${marks
      .map(([name, at]) => `${name} ${number(Math.round(at))}`)
      .slice(0, 6)
      .join(" · ")}</text>
  </svg>`;
}
