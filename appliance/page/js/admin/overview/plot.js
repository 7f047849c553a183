// How long turns took along the time: half of them less than one line, all but a twentieth less than the other.

import { html } from "../../view.js";
import { moment, number, span, t } from "../../words.js";
import { curve, roundUp } from "./curve.js";

const SIZE = { width: 600, height: 150 };

/** @param {{door: any, name: string, since: number, until: number}} props */
export function Plot({ door, name, since, until }) {
  const buckets = /** @type {any[]} */ (door.data);
  const most = roundUp(Math.max(...buckets.map((bucket) => bucket.p95_ms ?? 0)));
  const { count, p50_ms, p95_ms } = door.whole;
  /** @type {Intl.DateTimeFormatOptions} */
  const how = until - since > 2 * 86_400 ? { weekday: "short", day: "numeric" } : { timeStyle: "short" };
  const label = t("admin.overview.plot", {
    name,
    p50: span(p50_ms),
    p95: span(p95_ms),
    turns: number(count),
    since: moment(since),
    until: moment(until),
    most: span(Math.max(...buckets.map((bucket) => bucket.p95_ms ?? 0))),
  });
  return html`<figure class="plot">
    <div class="scaled">
      <div class="scale small quiet" aria-hidden="true"><span>${span(most)}</span><span>${span(most / 2)}</span><span>0</span></div>
      <svg viewBox=${`0 0 ${SIZE.width} ${SIZE.height}`} preserveAspectRatio="none" role="img" aria-label=${label}>
        ${[0, 0.5, 1].map((at) => html`<line key=${at} class="grid" x1="0" x2=${SIZE.width} y1=${at * SIZE.height} y2=${at * SIZE.height} />`)}
        ${["p95", "p50"].map(
          (line) => html`<path key=${line} class=${line}
          d=${curve(
            buckets.map((bucket) => bucket[`${line}_ms`]),
            most,
            SIZE,
          )} />`,
        )}
        ${buckets.map((bucket, at) => html`<${Catch} key=${bucket.start} bucket=${bucket} at=${at} of=${buckets.length} />`)}
      </svg>
    </div>
    <div class="under small quiet" aria-hidden="true">
      ${[since, (since + until) / 2, until].map((each) => html`<span key=${each}>${moment(each, how)}</span>`)}
    </div>
  </figure>`;
}

/** What a bucket says to a mouse. @param {{bucket: any, at: number, of: number}} props */
function Catch({ bucket, at, of }) {
  if (!bucket.count) return null;
  const wide = SIZE.width / of;
  return html`<rect class="catches" x=${at * wide} y="0" width=${wide} height=${SIZE.height}>
    <title>${t("admin.overview.bucket", { at: moment(bucket.start), p50: span(bucket.p50_ms), p95: span(bucket.p95_ms), turns: number(bucket.count) })}</title></rect>`;
}
