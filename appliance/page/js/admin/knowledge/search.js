// A search is tried: what the box would find for a question.

import { ask } from "../../http.js";
import { Icon } from "../../icons.js";
import { said } from "../../sign_in.js";
import { html, useState } from "../../view.js";
import { number, t } from "../../words.js";

const RESULTS = 5;
const MOST = 4096;

/** @param {{door: string}} props */
export function Search({ door }) {
  const [query, setQuery] = useState("");
  const [found, setFound] = useState(/** @type {any[] | null} */ (null));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const search = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      setFound((await ask("POST", `${door}/search`, { query, max_num_results: RESULTS })).data);
    } catch (wrong) {
      setFound(null);
      setError(wrong);
    }
    setBusy(false);
  };
  const write = (/** @type {InputEvent} */ event) => {
    setQuery(/** @type {HTMLInputElement} */ (event.currentTarget).value);
  };
  return html`<section class="card" aria-labelledby="try">
    <h2 id="try">${t("admin.knowledge.try")}</h2>
    <form role="search" onSubmit=${search}>
      <label for="question">${t("admin.knowledge.question")}</label>
      <div class="line">
        <input id="question" type="search" required maxlength=${MOST} value=${query} onInput=${write} />
        <button disabled=${busy || !query.trim()}><${Icon} name="search" />${t("admin.knowledge.search")}</button>
      </div>
    </form>
    <p role="alert" class="wrong">${error ? said(error) : ""}</p>
    <p role="status" class="quiet">${busy ? t("admin.knowledge.searching") : found && told(found.length)}</p>
    <ol class="things">${found?.map((each) => html`<${Passage} key=${`${each.file_id} ${each.place.number}`} found=${each} />`)}</ol>
  </section>`;
}

/** @param {number} count */
function told(count) {
  return count ? t("admin.knowledge.found", { count }) : t("admin.knowledge.nothing_found");
}

/** @param {{found: any}} props */
function Passage({ found }) {
  const { page, heading } = found.place;
  return html`<li class="passage">
    <h3>${found.filename}</h3>
    <p class="quiet small">${[
      page && t("talk.page", { page }),
      heading,
      t("admin.knowledge.score", {
        score: number(found.score, { maximumFractionDigits: 2, minimumFractionDigits: 2 }),
      }),
    ]
      .filter(Boolean)
      .join(" · ")}</p>
    ${found.content.map((/** @type {{text: string}} */ part, /** @type {number} */ at) => html`<blockquote key=${at}>${part.text}</blockquote>`)}
  </li>`;
}
