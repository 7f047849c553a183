// A bar for each day.

import { html } from "../../view.js";
import { t } from "../../words.js";
import { amount, dayName, measureName } from "./said.js";

const HEIGHT = 100;

/** @param {{days: {name: string, amount: import("./sums.js").Amount}[], measure: import("./sums.js").Measure}} props */
export function Chart({ days, measure }) {
  const values = days.map((day) => day.amount[measure]);
  const most = Math.max(...values);
  const whole = values.reduce((total, value) => total + value, 0);
  const busiest = days[values.indexOf(most)];
  const label = t("admin.usage.chart", {
    measure: measureName(measure),
    days: days.length,
    sum: amount(measure, whole),
    most: amount(measure, most),
    day: busiest ? dayName(busiest.name) : "–",
  });
  const short = /** @type {const} */ ({ day: "numeric", month: "short" });
  return html`<figure class="plot">
    <figcaption class="small quiet">${most > 0 ? amount(measure, most) : t("admin.usage.nothing")}</figcaption>
    <svg class="bars" viewBox=${`0 0 ${days.length} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label=${label}>
      <line class="grid" x1="0" x2=${days.length} y1=${HEIGHT} y2=${HEIGHT} />
      ${days.map((day, at) => {
        const height = most > 0 ? (day.amount[measure] / most) * HEIGHT : 0;
        return html`<g key=${day.name}>
          <rect class="bar-of-day" x=${at + 0.12} y=${HEIGHT - height} width="0.76" height=${height} />
          <rect class="catches" x=${at} y="0" width="1" height=${HEIGHT}>
            <title>${`${dayName(day.name)}: ${amount(measure, day.amount[measure])}`}</title></rect></g>`;
      })}
    </svg>
    <div class="under small quiet" aria-hidden="true">
      ${[days.at(0), days[Math.floor(days.length / 2)], days.at(-1)].map((day) => day && html`<span key=${day.name}>${dayName(day.name, short)}</span>`)}
    </div>
  </figure>`;
}
