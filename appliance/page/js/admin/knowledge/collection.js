// One collection: its name, its documents, a search in it, and the way to ask it aloud.

import { ask } from "../../http.js";
import { Icon } from "../../icons.js";
import { useAnswer } from "../../live_data.js";
import { go, Link } from "../../place.js";
import { html, useCallback, useState } from "../../view.js";
import { t } from "../../words.js";
import { AskFirst } from "../ask_first.js";
import { Told } from "../told.js";
import { AskAloud } from "./aloud.js";
import { Documents } from "./documents.js";
import { NameForm } from "./name_form.js";
import { Search } from "./search.js";

/** @param {{id: string}} props */
export function Collection({ id }) {
  const door = `/v1/vector_stores/${encodeURIComponent(id)}`;
  const load = useCallback(() => ask("GET", door), [door]);
  const answer = useAnswer(load);
  const collection = answer.data;
  return html`
    <p><${Link} to="/admin/knowledge" class="back"><${Icon} name="back" />${t("admin.knowledge.all")}<//></p>
    <${Told} door=${answer} />
    ${
      collection &&
      html`
      <${Head} collection=${collection} door=${door} again=${answer.again} />
      <${Documents} store=${id} />
      <${Search} door=${door} />`
    }`;
}

/** @param {{collection: any, door: string, again: () => Promise<void>}} props */
function Head({ collection, door, again }) {
  const [renames, setRenames] = useState(false);
  const [deletes, setDeletes] = useState(false);
  const name = collection.name || t("admin.knowledge.nameless");
  const rename = async (/** @type {string} */ given) => {
    await ask("POST", door, { name: given });
    setRenames(false);
    await again();
  };
  return html`<section class="card" aria-labelledby="collection">
    <header><h2 id="collection">${name}</h2></header>
    <div class="actions">
      <${AskAloud} collection=${collection} />
      <button aria-expanded=${renames ? "true" : "false"} onClick=${() => setRenames(!renames)}>${t("admin.knowledge.rename")}</button>
      <button class="danger" onClick=${() => setDeletes(true)}><${Icon} name="bin" />${t("admin.knowledge.delete")}</button>
    </div>
    ${renames && html`<${NameForm} id="rename" label=${t("admin.knowledge.name")} name=${collection.name} yes=${t("admin.knowledge.rename_yes")} act=${rename} />`}
    ${
      deletes &&
      html`<${AskFirst} title=${t("admin.knowledge.delete_title", { name })} text=${t("admin.knowledge.delete_text")}
        yes=${t("admin.knowledge.delete_yes")} act=${() => ask("DELETE", door)}
        close=${(/** @type {boolean} */ done) => (done ? go("/admin/knowledge") : setDeletes(false))} />`
    }
  </section>`;
}
