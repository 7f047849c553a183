// Backups: made, listed, read again, taken along, deleted.

import { ask } from "../http.js";
import { useAnswer } from "../live_data.js";
import { html } from "../view.js";
import { size, t } from "../words.js";
import { Backup } from "./backups/backup.js";
import { Make } from "./backups/make.js";
import { Told } from "./told.js";

const DOOR = "/v1/admin/backups";
const SOON_MS = 1_000;

const load = () => ask("GET", DOOR);
const pace = (/** @type {any} */ data) => (data?.making?.state === "running" ? SOON_MS : 0);

/** What is made now or was last, unless it has been deleted since. @param {any} data */
function shown({ making, data }) {
  const gone = making?.state === "done" && !data.some((/** @type {any} */ each) => each.name === making.name);
  return gone ? null : making;
}

export function Backups() {
  const door = useAnswer(load, pace);
  const data = door.data;
  return html`
    <section class="card" aria-labelledby="make-backup">
      <h2 id="make-backup">${t("admin.backups.make")}</h2>
      <p class="quiet">${t("admin.backups.about")}</p>
      ${data && html`<${Make} making=${shown(data)} writable=${data.writable} folder=${data.folder} again=${door.again} />`}
    </section>
    <section class="card" aria-labelledby="backups">
      <h2 id="backups">${t("admin.backups.kept")}</h2>
      <${Told} door=${door} />
      ${data?.data.length === 0 && html`<p class="quiet">${t("admin.backups.none")}</p>`}
      <ul class="things">
        ${data?.data.map((/** @type {any} */ each) => html`<${Backup} key=${each.name} backup=${each} writable=${data.writable} again=${door.again} />`)}
      </ul>
      ${
        data &&
        html`<p class="quiet small">${t("admin.backups.folder", { folder: data.folder })}
        ${data.free_bytes !== null && ` ${t("admin.backups.free", { size: size(data.free_bytes) })}`}</p>`
      }
    </section>
    <section class="card" aria-labelledby="restore">
      <h2 id="restore">${t("admin.backups.restore")}</h2>
      <p>${t("admin.backups.restore_how")}</p>
      <p><code>appliance backup restore ${data?.data[0] ? `${data.folder}/${data.data[0].name}` : "FILE"}</code></p>
      <p class="quiet small">${t("admin.backups.restore_more")}</p>
    </section>`;
}
