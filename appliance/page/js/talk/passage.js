// A passage that a reply rests on, with what stands around it in its document, if that is the reader's to see.

import { ask } from "../http.js";
import { html, useEffect, useRef, useState } from "../view.js";
import { may } from "../who.js";
import { t } from "../words.js";
import { parted } from "./quoted.js";

/** @typedef {{before: string, text: string, after: string}} Surrounded */

/** @param {{citation: Citation}} props */
export function Passage({ citation }) {
  const [passage, setPassage] = useState(/** @type {Surrounded | null} */ (null));
  const { file_id, passage: ordinal, quote } = citation;
  const mark = useRef(/** @type {HTMLElement | null} */ (null));
  const file = `/v1/files/${encodeURIComponent(file_id)}`;
  useEffect(() => {
    // Documents of an assistant that somebody shares are theirs: then the quote is all there is.
    if (may("knowledge")) ask("GET", `${file}/passages/${ordinal}`).then(setPassage, () => {});
  }, [file, ordinal]);
  useEffect(() => mark.current?.scrollIntoView({ block: "nearest" }), [passage]);
  if (!passage) return html`<blockquote>${quote}</blockquote>`;
  const [start, shared, end] = parted(passage.text, quote);
  return html`<blockquote><span class="quiet">${passage.before}</span>${start}<mark ref=${mark}>${shared}</mark>${end}<span
      class="quiet">${passage.after}</span></blockquote>
    <p><a href=${`${file}/content`} target="_blank" rel="noopener">${t("talk.whole_document")}</a></p>`;
}
