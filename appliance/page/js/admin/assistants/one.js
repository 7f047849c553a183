// One assistant, or a new one, with what it can be given: voices, and collections of documents.

import { ask } from "../../http.js";
import { Icon } from "../../icons.js";
import { useAnswer } from "../../live_data.js";
import { Link } from "../../place.js";
import { html, useCallback } from "../../view.js";
import { t } from "../../words.js";
import { every } from "../care/every.js";
import { Told } from "../told.js";
import { EMPTY, fromAssistant } from "./draft.js";
import { AssistantForm } from "./form.js";

/** Of the address for one that is not there yet. */
const NEW = "new";

/** @param {{id: string}} props */
export function AssistantPage({ id }) {
  const fresh = id === NEW;
  const load = useCallback(async () => {
    const [models, collections, assistant] = await Promise.all([
      ask("GET", "/v1/models"),
      every("/v1/vector_stores"),
      fresh ? null : ask("GET", `/v1/assistants/${encodeURIComponent(id)}`),
    ]);
    const spoken = models.data.filter((/** @type {any} */ each) => each.role === "tts" && !each.alias_of);
    const voices = spoken.flatMap((/** @type {any} */ each) => each.voices);
    return { voices: [...new Set(voices)], collections, draft: assistant ? fromAssistant(assistant) : EMPTY };
  }, [id, fresh]);
  const door = useAnswer(load);
  const data = door.data;
  return html`
    <p><${Link} to="/admin/assistants" class="back"><${Icon} name="back" />${t("admin.assistants.all")}<//></p>
    <section class="card" aria-labelledby="assistant">
      <h2 id="assistant">${fresh || !data ? t(fresh ? "admin.assistants.new" : "admin.assistants.edit") : data.draft.name}</h2>
      <${Told} door=${door} />
      ${data && html`<${AssistantForm} id=${fresh ? null : id} begin=${data.draft} voices=${data.voices} collections=${data.collections} />`}
    </section>`;
}
