// From a collection to a conversation: the assistant that knows it, made where there is none, and the page to talk.

import { ask, Refused } from "../../http.js";
import { Icon } from "../../icons.js";
import * as kept from "../../kept.js";
import { go } from "../../place.js";
import { said } from "../../sign_in.js";
import { html, useState } from "../../view.js";
import { who } from "../../who.js";
import { t } from "../../words.js";
import { every } from "../care/every.js";
import { knowing, nameFor } from "./presets.js";

/** Other names that are tried where one is taken. */
const TRIES = 5;

/** @param {any} collection @returns {Promise<string>} */
async function assistantOf(collection) {
  const found = knowing(await every("/v1/assistants"), collection.id, who.value?.user ?? "");
  if (found) return found.name;
  for (let number = 1; ; number += 1) {
    try {
      const name = nameFor(collection.name || t("admin.knowledge.assistant"), number);
      const made = await ask("POST", "/v1/assistants", {
        name,
        instructions: t("admin.knowledge.instructions"),
        tool_resources: { file_search: { vector_store_ids: [collection.id] } },
      });
      return made.name;
    } catch (error) {
      if (!(error instanceof Refused) || error.param !== "name" || number >= TRIES) throw error;
    }
  }
}

/** @param {{collection: any}} props */
export function AskAloud({ collection }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const talk = async () => {
    setBusy(true);
    setError(null);
    try {
      kept.assistant.value = await assistantOf(collection);
      go("/");
    } catch (wrong) {
      setError(wrong);
      setBusy(false);
    }
  };
  return html`<button class="primary" disabled=${busy} onClick=${talk}><${Icon} name="talk" />${t("admin.knowledge.aloud")}</button>
    <p role="alert" class="wrong">${error ? said(error) : ""}</p>`;
}
