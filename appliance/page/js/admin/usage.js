// What was used, by whom and when.

import { useDoor } from "../live_data.js";
import { html, useState } from "../view.js";
import { t } from "../words.js";
import { Choose } from "./choose.js";
import { Told } from "./told.js";
import { Chart } from "./usage/chart.js";
import { amount, dayName, measureName } from "./usage/said.js";
import { days, MEASURES, sum, sumsBy } from "./usage/sums.js";

const SPANS = [7, 30, 90];
const BY = /** @type {const} */ (["day", "user", "key_id"]);

export function Usage() {
  const [span, setSpan] = useState(30);
  const [by, setBy] = useState(/** @type {typeof BY[number]} */ ("day"));
  const [measure, setMeasure] = useState(/** @type {import("./usage/sums.js").Measure} */ ("requests"));
  const door = useDoor(`/v1/admin/usage?days=${span}`, { everyMs: 60_000 });
  const keys = useDoor("/v1/admin/keys");
  const change = (/** @type {Event} */ event) =>
    setMeasure(
      /** @type {import("./usage/sums.js").Measure} */ (/** @type {HTMLSelectElement} */ (event.currentTarget).value),
    );
  /** @type {Map<string, string>} */
  const names = new Map((keys.data?.data ?? []).map((/** @type {any} */ key) => [key.id, `${key.user}/${key.name}`]));
  const each = days(door.data?.data ?? [], span, new Date());
  const rows = (door.data?.data ?? []).filter((/** @type {any} */ row) => row.day >= (each[0]?.name ?? ""));
  return html`<section class="card" aria-labelledby="usage-days">
      <header><h2 id="usage-days">${t("admin.usage.days", { count: span })}</h2></header>
      <${Choose} label=${t("admin.usage.span")} options=${SPANS.map((count) => [count, t("admin.usage.last", { count })])}
        chosen=${span} choose=${setSpan} />
      <${Told} door=${door} />
      ${
        door.data &&
        html`<label class="row"><span>${t("admin.usage.measure")}</span>
        <select value=${measure} onChange=${change}>
          ${MEASURES.map((name) => html`<option key=${name} value=${name} selected=${name === measure}>${measureName(name)}</option>`)}
        </select></label>
      <${Chart} days=${each} measure=${measure} />
      <p class="quiet small">${t("admin.usage.utc")}</p>`
      }
    </section>
    ${
      door.data &&
      html`<section class="card" aria-labelledby="usage-sums">
      <h2 id="usage-sums">${t("admin.usage.sums")}</h2>
      <${Choose} label=${t("admin.usage.by")} options=${BY.map((name) => [name, t(`admin.usage.by_${name}`)])} chosen=${by} choose=${setBy} />
      ${
        rows.length
          ? html`<${Sums} rows=${rows} by=${by} names=${names} />`
          : html`<p class="quiet">${t("admin.usage.none")}</p>`
      }
    </section>`
    }`;
}

/** @param {{rows: import("./usage/sums.js").Used[], by: "day" | "user" | "key_id", names: Map<string, string>}} props */
function Sums({ rows, by, names }) {
  const sums = sumsBy(rows, by);
  const most = Math.max(...sums.map((each) => each.amount.requests));
  const whole = sum(rows);
  const name = (/** @type {string} */ found) => {
    if (by === "day") return dayName(found);
    if (by === "user") return found;
    return found ? (names.get(found) ?? found) : t("admin.usage.no_key");
  };
  return html`<div class="scroll" tabindex="0" role="group" aria-labelledby="usage-sums"><table>
    <thead><tr><th scope="col">${t(`admin.usage.by_${by}`)}</th><th scope="col"><span class="hidden">${t("admin.usage.share")}</span></th>
      ${MEASURES.map((measure) => html`<th key=${measure} scope="col" class="number">${measureName(measure)}</th>`)}</tr></thead>
    <tbody>${sums.map(
      (each) => html`<tr key=${each.name}>
      <th scope="row" class="whole">${name(each.name)}</th>
      <td><svg class="gauge" viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect class="full" width=${most ? (each.amount.requests / most) * 100 : 0} height="6" /></svg></td>
      ${MEASURES.map((measure) => html`<td key=${measure} class="number whole">${amount(measure, each.amount[measure])}</td>`)}</tr>`,
    )}</tbody>
    <tfoot><tr><th scope="row">${t("admin.usage.sum")}</th><td></td>
      ${MEASURES.map((measure) => html`<td key=${measure} class="number whole"><strong>${amount(measure, whole[measure])}</strong></td>`)}</tr></tfoot>
  </table></div>`;
}
