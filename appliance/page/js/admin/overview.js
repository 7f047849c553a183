// What the box does now, and how it does.

import { useDoor } from "../live_data.js";
import { html } from "../view.js";
import { Latency } from "./overview/latency.js";
import { Machine } from "./overview/machine.js";
import { Processes } from "./overview/processes.js";
import { Sessions } from "./overview/sessions.js";
import { Stages } from "./overview/stages.js";
import { Summary } from "./overview/summary.js";
import { Told } from "./told.js";

export function Overview() {
  const door = useDoor("/v1/admin/status", { everyMs: 2_000 });
  const status = door.data;
  return html`<div class="overview">
    <${Told} door=${door} />
    ${
      status &&
      html`
      <${Summary} status=${status} />
      <${Stages} stages=${status.stages} />
      <div class="halves">
        <${Machine} status=${status} />
        ${status.processes && html`<${Processes} processes=${status.processes} at=${status.at} />`}
      </div>
      <${Sessions} at=${status.at} />
      <${Latency} />`
    }
  </div>`;
}
