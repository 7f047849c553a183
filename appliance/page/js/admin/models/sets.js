// Sets of models that serve together: fetched, and used instead of the one in use.

import { ask, Refused } from "../../http.js";
import { html, useState } from "../../view.js";
import { size, t } from "../../words.js";
import { AskFirst } from "../ask_first.js";
import { Fetch } from "./fetch.js";

const DOOR = "/v1/admin/models/set";

/** @param {{models: any, busy: boolean, again: () => Promise<void>, begun: (to: string) => void}} props */
export function SetList({ models, busy, again, begun }) {
  const [to, setTo] = useState("");
  const go = async () => {
    try {
      await ask("PUT", DOOR, { set: to === models.settings_set ? null : to });
    } catch (error) {
      // A box that is gone before its answer has got here has begun; what became of it is seen later.
      if (!(error instanceof Refused) || error.code !== "unreachable") throw error;
    }
    begun(to);
  };
  return html`<section class="card" aria-labelledby="sets">
    <h2 id="sets">${t("admin.models.sets")}</h2>
    <p class="quiet">${t("admin.models.sets_about")}</p>
    ${models.sets.length === 0 && html`<p class="quiet">${t("admin.models.no_sets")}</p>`}
    <ul class="things">
      ${models.sets.map(
        (/** @type {any} */ each) =>
          html`<${Line} key=${each.name} set=${each} models=${models} busy=${busy} again=${again} choose=${() => setTo(each.name)} />`,
      )}
    </ul>
    ${
      to &&
      html`<${AskFirst} title=${t("admin.models.switch_title", { to })} text=${t("admin.models.switch_text", { from: models.set })}
        yes=${t("admin.models.switch_yes")} act=${go} close=${() => setTo("")} />`
    }
  </section>`;
}

/** @param {{set: any, models: any, busy: boolean, again: () => Promise<void>, choose: () => void}} props */
function Line({ set, models, busy, again, choose }) {
  const missing = models.data
    .filter((/** @type {any} */ model) => set.models.includes(model.id) && model.state !== "installed")
    .reduce((/** @type {number} */ sum, /** @type {any} */ model) => sum + (model.bytes ?? 0), 0);
  const tight = !set.complete && models.free_bytes !== null && missing > models.free_bytes;
  return html`<li class="thing">
    <div>
      <h3>${set.name}
        ${set.in_use && html` <span class="badge good">${t("admin.models.in_use")}</span>`}
        ${set.name === models.settings_set && html` <span class="badge">${t("admin.models.of_settings")}</span>`}
        ${!set.complete && html` <span class="badge warn">${t("admin.models.incomplete")}</span>`}</h3>
      <p>${set.description}</p>
      <p class="quiet small">${set.models.join(", ")}${set.bytes !== null && ` · ${size(set.bytes)}`}</p>
      ${tight && html`<p class="warn small">${t("admin.models.no_room", { size: size(missing), free: size(models.free_bytes) })}</p>`}
    </div>
    <div class="actions small">
      ${!set.complete && html`<${Fetch} name=${set.name} disabled=${busy || !models.writable} again=${again} />`}
      ${
        set.complete &&
        !set.in_use &&
        html`<button disabled=${busy} aria-label=${`${t("admin.models.switch")}: ${set.name}`} onClick=${choose}>${t("admin.models.switch")}</button>`
      }
    </div>
  </li>`;
}
