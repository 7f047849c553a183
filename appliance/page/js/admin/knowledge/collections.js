// All collections, and a form that makes another one.

import { ask } from "../../http.js";
import { Icon } from "../../icons.js";
import { useAnswer } from "../../live_data.js";
import { go, Link } from "../../place.js";
import { html } from "../../view.js";
import { size, t } from "../../words.js";
import { every } from "../care/every.js";
import { Told } from "../told.js";
import { NameForm } from "./name_form.js";

const DOOR = "/v1/vector_stores";
const SOON_MS = 2_000;

const load = () => every(DOOR);
const pace = (/** @type {any[] | null} */ all) => (all?.some((each) => each.status === "in_progress") ? SOON_MS : 0);

export function Collections() {
  const door = useAnswer(load, pace);
  const make = async (/** @type {string} */ name) => {
    const made = await ask("POST", DOOR, { name });
    go(`/admin/knowledge/${made.id}`);
  };
  return html`
    <section class="card" aria-labelledby="make-collection">
      <h2 id="make-collection">${t("admin.knowledge.make")}</h2>
      <p class="quiet">${t("admin.knowledge.about")}</p>
      <${NameForm} id="new-collection" label=${t("admin.knowledge.name")} yes=${t("admin.knowledge.make_yes")} act=${make} />
    </section>
    <section class="card" aria-labelledby="collections">
      <h2 id="collections">${t("admin.knowledge.collections")}</h2>
      <${Told} door=${door} />
      ${door.data?.length === 0 && html`<p class="quiet">${t("admin.knowledge.none")}</p>`}
      <ul class="things">${door.data?.map((each) => html`<${Line} key=${each.id} collection=${each} />`)}</ul>
    </section>`;
}

/** @param {{collection: any}} props */
function Line({ collection }) {
  const { total, in_progress: waiting, failed } = collection.file_counts;
  return html`<li class="thing">
    <div>
      <h3><${Link} to=${`/admin/knowledge/${collection.id}`}><${Icon} name="document" />${collection.name || t("admin.knowledge.nameless")}<//></h3>
      <p class="quiet small">${[
        t("admin.knowledge.documents", { count: total }),
        total > 0 && size(collection.usage_bytes),
        waiting > 0 && t("admin.knowledge.being_read", { count: waiting }),
      ]
        .filter(Boolean)
        .join(" · ")}
        ${failed > 0 && html` <span class="wrong">${t("admin.knowledge.not_read", { count: failed })}</span>`}</p>
    </div>
  </li>`;
}
