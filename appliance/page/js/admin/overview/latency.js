// How long turns take, along the time and by stage.

import { useDoor } from "../../live_data.js";
import { html, useState } from "../../view.js";
import { moment, number, span, t } from "../../words.js";
import { Choose } from "../choose.js";
import { named } from "../named.js";
import { Told } from "../told.js";
import { Plot } from "./plot.js";

/** Hours, and into how many stretches they are cut. @type {[number, number][]} */
const SPANS = [
  [1, 30],
  [24, 48],
  [168, 56],
];
const DOORS = ["realtime", "turns"];

export function Latency() {
  const [hours, setHours] = useState(24);
  const buckets = SPANS.find(([each]) => each === hours)?.[1] ?? 48;
  const door = useDoor(`/v1/admin/latency?hours=${hours}&buckets=${buckets}`, { everyMs: 30_000 });
  const data = door.data;
  const spoken = DOORS.filter((each) => data?.doors[each]?.whole.count);
  return html`<section class="card" aria-labelledby="latency">
    <h2 id="latency">${t("admin.overview.latency")}</h2>
    <${Choose} label=${t("admin.overview.span")} options=${SPANS.map(([each]) => [each, t(`admin.overview.hours_${each}`)])}
      chosen=${hours} choose=${setHours} />
    <${Told} door=${door} />
    ${data && !spoken.length && html`<p class="quiet">${t("admin.overview.no_turns")}</p>`}
    ${data?.cut && data.counted_from !== null && html`<p class="quiet small">${t("admin.overview.cut", { turns: number(data.turns), from: moment(data.counted_from) })}</p>`}
    <div class="plots">
      ${spoken.map((each) => html`<${DoorLatency} key=${each} name=${each} door=${data.doors[each]} since=${data.since} until=${data.until} />`)}
    </div>
  </section>`;
}

/** @param {{name: string, door: any, since: number, until: number}} props */
function DoorLatency({ name, door, since, until }) {
  const words = t(`admin.overview.door_${name}`);
  const marks = /** @type {[string, any][]} */ (Object.entries(door.marks)).sort(
    ([, one], [, other]) => one.p50_ms - other.p50_ms,
  );
  return html`<section aria-labelledby=${`latency-${name}`}>
    <h3 id=${`latency-${name}`}>${words}</h3>
    <p class="legend small"><span class="p50">${t("admin.overview.p50")}</span> <span class="p95">${t("admin.overview.p95")}</span></p>
    <${Plot} name=${words} door=${door} since=${since} until=${until} />
    <div class="scroll" tabindex="0" role="group" aria-labelledby=${`latency-${name}`}><table class="dense">
      <thead><tr><th scope="col">${t("admin.overview.until")}</th>
        ${["p50", "p95", "turns"].map((each) => html`<th key=${each} scope="col" class="number">${t(`admin.overview.column_${each}`)}</th>`)}</tr></thead>
      <tbody>
        <${Row} words=${t("admin.overview.voice_to_voice")} of=${door.whole} strong />
        ${marks.map(([mark, of]) => html`<${Row} key=${mark} words=${named("admin.overview.mark", mark)} of=${of} />`)}
      </tbody></table></div>
  </section>`;
}

/** @param {{words: string, of: any, strong?: boolean}} props */
function Row({ words, of, strong }) {
  return html`<tr class=${strong ? "strong" : undefined}><th scope="row">${words}</th>
    <td class="number whole">${span(of.p50_ms)}</td><td class="number whole">${span(of.p95_ms)}</td><td class="number">${number(of.count)}</td></tr>`;
}
