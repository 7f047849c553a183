// How much memory each process has.

import { html } from "../../view.js";
import { size, t } from "../../words.js";
import { lasting } from "../lasting.js";
import { named } from "../named.js";

/** @param {{processes: any[], at: number}} props */
export function Processes({ processes, at }) {
  const most = Math.max(...processes.map((each) => each.resident_bytes));
  const whole = processes.reduce((total, each) => total + each.resident_bytes, 0);
  return html`<section class="card" aria-labelledby="processes">
    <h2 id="processes">${t("admin.overview.processes")}</h2>
    <div class="scroll" tabindex="0" role="group" aria-labelledby="processes"><table class="dense">
      <thead><tr><th scope="col">${t("admin.overview.process")}</th><th scope="col"><span class="hidden">${t("admin.overview.bar")}</span></th>
        <th scope="col" class="number">${t("admin.overview.memory")}</th><th scope="col" class="number">${t("admin.overview.runs")}</th></tr></thead>
      <tbody>${processes.map(
        (each) => html`<tr key=${each.name}>
        <th scope="row">${named("admin.overview.role", each.name)}</th>
        <td><svg class="gauge" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">
          <rect class="full" width=${most ? (each.resident_bytes / most) * 100 : 0} height="8" /></svg></td>
        <td class="number whole">${size(each.resident_bytes)}</td>
        <td class="number whole">${each.started_at === null ? "–" : lasting(at - each.started_at)}</td></tr>`,
      )}</tbody>
    </table></div>
    <p class="quiet small">${t("admin.overview.resident", { whole: size(whole) })}</p>
  </section>`;
}
