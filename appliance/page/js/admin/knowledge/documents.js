// The documents of a collection, looked at again while the box reads some of them.

import { ask } from "../../http.js";
import { useAnswer } from "../../live_data.js";
import { html, useCallback, useEffect, useRef, useValue } from "../../view.js";
import { t } from "../../words.js";
import { every } from "../care/every.js";
import { Told } from "../told.js";
import { Document } from "./document.js";
import { Drop } from "./drop.js";
import { Others } from "./others.js";
import { standing, unfinished } from "./standing.js";
import { Uploading } from "./uploading.js";
import { arrived, uploads } from "./uploads.js";

const SOON_MS = 1_500;
/** Names are asked for all at once the first time, then of the newest. */
const ALL = 10_000;
const NEWEST = 100;

/** @param {{documents: readonly import("./standing.js").Standing[]} | null} data */
const pace = (data) => (data && unfinished(data.documents) ? SOON_MS : 0);

/** @param {string} store */
function useDocuments(store) {
  const files = useRef(/** @type {Map<string, any>} */ (new Map()));
  const load = useCallback(async () => {
    const known = files.current;
    const [members, page] = await Promise.all([
      every(`/v1/vector_stores/${encodeURIComponent(store)}/files`),
      ask("GET", `/v1/files?limit=${known.size ? NEWEST : ALL}`),
    ]);
    for (const file of page.data) known.set(file.id, file);
    for (const { id, status } of members) {
      const file = known.get(id);
      const settled = file && (file.status !== "uploaded" || status === "in_progress");
      if (!settled) known.set(id, await ask("GET", `/v1/files/${encodeURIComponent(id)}`).catch(() => file));
    }
    const documents = members.map((each) => standing(each, known.get(each.id)));
    const inside = new Set(members.map((each) => each.id));
    const others = [...known.values()].filter((file) => file && !inside.has(file.id));
    return { documents, others, most: page.most_bytes };
  }, [store]);
  const answer = useAnswer(load, pace);
  const gone = (/** @type {string} */ id) => files.current.delete(id);
  return { answer, gone };
}

/** @param {{store: string}} props */
export function Documents({ store }) {
  const { answer, gone } = useDocuments(store);
  const count = useValue(arrived);
  const mine = useValue(uploads).filter((each) => each.store === store);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) answer.again();
    first.current = false;
  }, [count]);
  const data = answer.data;
  const removed = (/** @type {string} */ id, /** @type {boolean} */ forGood) => {
    if (forGood) gone(id);
    answer.again();
  };
  return html`<section class="card" aria-labelledby="documents">
    <h2 id="documents">${t("admin.knowledge.in_it")}</h2>
    <${Told} door=${answer} />
    ${data && html`<${Drop} store=${store} most=${data.most} />`}
    ${
      mine.length > 0 &&
      html`<ul class="things" aria-label=${t("admin.knowledge.on_their_way")}>
      ${mine.map((each) => html`<${Uploading} key=${each.id} upload=${each} />`)}</ul>`
    }
    ${data?.documents.length === 0 && mine.length === 0 && html`<p class="quiet">${t("admin.knowledge.empty")}</p>`}
    <ul class="things">
      ${data?.documents.map((each) => html`<${Document} key=${each.id} document=${each} store=${store} removed=${removed} />`)}
    </ul>
    ${data && data.others.length > 0 && html`<${Others} store=${store} files=${data.others} added=${answer.again} removed=${removed} />`}
  </section>`;
}
