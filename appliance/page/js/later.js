// Parts of the page that are fetched when they are first shown, so that talking need not wait for all the others.

import { html, useEffect, useState } from "./view.js";
import { t } from "./words.js";

/**
 * @template {object} Props
 * @param {() => Promise<(props: Props) => unknown>} load
 * @returns {(props: Props) => unknown}
 */
export function later(load) {
  /** @type {((props: Props) => unknown) | null} */
  let part = null;
  return function Later(props) {
    const [Part, show] = useState(() => part);
    const [failed, fail] = useState(false);
    useEffect(() => {
      if (part) return;
      load().then(
        (found) => {
          part = found;
          show(() => found);
        },
        () => fail(true),
      );
    }, []);
    if (failed) return html`<${Outdated} />`;
    return Part ? html`<${Part} ...${props} />` : html`<p class="quiet" role="status">${t("loading")}</p>`;
  };
}

/** The box has another release than this page is of, or cannot be reached. */
function Outdated() {
  return html`<section class="card narrow" role="alert"><p>${t("outdated")}</p>
    <button class="primary" onClick=${() => location.reload()}>${t("load_again")}</button></section>`;
}
