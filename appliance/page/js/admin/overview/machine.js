// How busy and how full the machine is.

import { html } from "../../view.js";
import { number, size, t } from "../../words.js";
import { named } from "../named.js";
import { Gauge } from "./gauge.js";

/** @param {number} share */
function percent(share) {
  return number(share, { style: "percent", maximumFractionDigits: 0 });
}

/** @param {number} used @param {number} whole */
function fullness(used, whole) {
  return t("admin.overview.used", { used: size(used), whole: size(whole) });
}

/** @param {{status: any}} props */
export function Machine({ status }) {
  const { load, memory, disks } = status;
  return html`<section class="card" aria-labelledby="machine">
    <h2 id="machine">${t("admin.overview.machine")}</h2>
    <dl class="gauges">
      ${
        load &&
        html`<${Gauge} name=${t("admin.overview.cpu")} share=${load.cpu_share}
        words=${load.cpu_share === null ? t("admin.overview.measuring") : t("admin.overview.busy", { share: percent(load.cpu_share), count: load.cores })} />`
      }
      ${
        memory &&
        html`<${Gauge} name=${t("admin.overview.memory")} share=${1 - memory.available_bytes / memory.total_bytes}
        words=${fullness(memory.total_bytes - memory.available_bytes, memory.total_bytes)} />`
      }
      ${
        memory &&
        memory.swap_total_bytes > 0 &&
        html`<${Gauge} name=${t("admin.overview.swap")} share=${memory.swap_used_bytes / memory.swap_total_bytes}
        words=${fullness(memory.swap_used_bytes, memory.swap_total_bytes)} />`
      }
      ${(disks ?? []).map(
        (
          /** @type {any} */ disk,
        ) => html`<${Gauge} key=${disk.purpose} name=${named("admin.overview.disk", disk.purpose)}
        share=${1 - disk.free_bytes / disk.total_bytes} words=${fullness(disk.total_bytes - disk.free_bytes, disk.total_bytes)} />`,
      )}
    </dl>
    ${load && html`<p class="quiet small">${t("admin.overview.load", { load: load.load_average.map((/** @type {number} */ each) => number(each)).join(" · ") })}</p>`}
    <${Cards} gpus=${status.gpus} />
  </section>`;
}

/** @param {{gpus: any[] | null}} props */
function Cards({ gpus }) {
  if (gpus === null) return null;
  if (!gpus.length) return html`<p class="quiet small">${t("admin.overview.no_gpu")}</p>`;
  return gpus.map(
    (card) => html`<section key=${card.gpu} class="gpu">
      <h3>${card.name} <span class="quiet small">${t("admin.overview.gpu", { number: card.gpu })}</span></h3>
      <dl class="gauges">
        <${Gauge} name=${t("admin.overview.gpu_busy")} share=${card.utilisation} words=${card.utilisation === null ? "–" : percent(card.utilisation)} />
        <${Gauge} name=${t("admin.overview.memory")} share=${card.memory_total_bytes ? card.memory_used_bytes / card.memory_total_bytes : null}
          words=${card.memory_total_bytes ? fullness(card.memory_used_bytes ?? 0, card.memory_total_bytes) : "–"} />
      </dl>
      <p class="quiet small">${card.temperature_celsius !== null && number(card.temperature_celsius, { style: "unit", unit: "celsius" })}
        ${" "}${t("admin.overview.driver", { driver: card.driver })}</p>
    </section>`,
  );
}
