// One document of a collection: how far it is read, and the ways to be rid of it.

import { ask } from "../../http.js";
import { Icon } from "../../icons.js";
import { html, useState } from "../../view.js";
import { moment, size, t } from "../../words.js";
import { AskFirst } from "../ask_first.js";

/** @type {Record<string, string>} */
const TONE = { ready: "good", failed: "wrong" };

/**
 * @param {{document: import("./standing.js").Standing, store: string,
 *     removed: (id: string, forGood: boolean) => void}} props
 */
export function Document({ document: it, store, removed }) {
  const [asks, setAsks] = useState("");
  const file = `/v1/files/${encodeURIComponent(it.id)}`;
  const act = () =>
    ask(
      "DELETE",
      asks === "delete" ? file : `/v1/vector_stores/${encodeURIComponent(store)}/files/${encodeURIComponent(it.id)}`,
    );
  const close = (/** @type {boolean} */ done) => {
    setAsks("");
    if (done) removed(it.id, asks === "delete");
  };
  return html`<li class="thing">
    <div>
      <h3><a href=${`${file}/content`} download=${it.name}>${it.name}</a></h3>
      <p class="small"><span class=${`badge ${TONE[it.state] ?? "warn"}`}>${t(`admin.knowledge.state_${it.state}`)}</span>
        <span class="quiet">${[
          size(it.bytes),
          it.passages > 0 && t("admin.knowledge.passages", { count: it.passages }),
          moment(it.added),
        ]
          .filter(Boolean)
          .join(" · ")}</span></p>
      ${it.why && html`<p class="wrong small">${it.why}</p>`}
    </div>
    <div class="actions small">
      <button aria-label=${`${t("admin.knowledge.take_out")}: ${it.name}`} onClick=${() => setAsks("take_out")}>${t("admin.knowledge.take_out")}</button>
      <button class="danger" aria-label=${`${t("admin.knowledge.delete_file")}: ${it.name}`} onClick=${() => setAsks("delete")}>
        <${Icon} name="bin" />${t("admin.knowledge.delete_file")}</button>
    </div>
    ${
      asks &&
      html`<${AskFirst} title=${t(`admin.knowledge.${asks}_title`, { name: it.name })} text=${t(`admin.knowledge.file_${asks}_text`)}
        yes=${t(`admin.knowledge.${asks === "delete" ? "delete_yes" : "take_out"}`)} act=${act} close=${close} />`
    }
  </li>`;
}
