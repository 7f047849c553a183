// What a reply rests on, and each passage in its document.

import { Icon } from "../icons.js";
import { html, useRef, useState } from "../view.js";
import { t } from "../words.js";
import { Passage } from "./passage.js";

/** @param {{all: readonly Citation[]}} props */
export function Citations({ all }) {
  return html`<ul class="citations" aria-label=${t("talk.sources")}>
    ${all.map((each, number) => html`<li key=${number}><${Source} citation=${each} /></li>`)}
  </ul>`;
}

/** @param {{citation: Citation}} props */
function Source({ citation }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const place = [citation.page ? t("talk.page", { page: citation.page }) : "", citation.heading]
    .filter(Boolean)
    .join(" · ");
  const [opened, setOpened] = useState(false);
  const open = () => {
    setOpened(true);
    dialog.current?.showModal();
  };
  const close = () => dialog.current?.close();
  return html`<button class="plain small" onClick=${open}>
      <${Icon} name="document" />${citation.filename}${citation.page ? `, ${t("talk.page", { page: citation.page })}` : ""}</button>
    <dialog ref=${dialog} aria-label=${citation.filename}
      onClick=${(/** @type {MouseEvent} */ event) => event.target === dialog.current && close()}>
      <div class="card"><header><h2>${citation.filename}</h2>
        <button class="plain round" onClick=${close} aria-label=${t("close")}><${Icon} name="close" /></button></header>
        ${place && html`<p class="quiet">${place}</p>`}
        ${opened && html`<${Passage} citation=${citation} />`}
      </div>
    </dialog>`;
}
