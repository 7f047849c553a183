// The stages of a turn: how each of them does.

import { html } from "../../view.js";
import { number, t } from "../../words.js";
import { named } from "../named.js";

/** @type {Record<string, string>} */
const LOOKS = { ready: "good", starting: "warn", down: "wrong" };

/** @param {{stages: Record<string, any>}} props */
export function Stages({ stages }) {
  const column = (/** @type {string} */ name) => t(`admin.overview.stage_${name}`);
  return html`<section class="card" aria-labelledby="stages">
    <h2 id="stages">${t("admin.overview.stages")}</h2>
    <div class="scroll stacked" tabindex="0" role="group" aria-labelledby="stages"><table>
      <thead><tr>${["name", "state", "model"].map((each) => html`<th key=${each} scope="col">${column(each)}</th>`)}
        ${["in_flight", "waiting", "restarts"].map((each) => html`<th key=${each} scope="col" class="number">${column(each)}</th>`)}</tr></thead>
      <tbody>${Object.entries(stages).map(
        ([name, stage]) => html`<tr key=${name}>
        <th scope="row">${named("admin.overview.role", name)} <code class="quiet">${name}</code></th>
        <td data-name=${column("state")}><span class=${LOOKS[stage.state] ?? ""}>${named("admin.overview.state", stage.state)}${
          stage.state !== "ready" &&
          stage.detail !== stage.state &&
          html`<br /><span class="small" lang="en">${stage.detail}</span>`
        }</span></td>
        <td data-name=${column("model")} class="anywhere">${stage.model}</td>
        <td data-name=${column("in_flight")} class="number">${number(stage.in_flight)}</td>
        <td data-name=${column("waiting")} class="number">${stage.waiting === null ? "–" : number(stage.waiting)}</td>
        <td data-name=${column("restarts")} class="number">${number(stage.restarts)}</td></tr>`,
      )}</tbody></table></div>
  </section>`;
}
