// A passage that a reply rests on, with what stands around it in its document, if that is the reader's to see.

import { ask } from "../http.js";
import { html, useEffect, useState } from "../view.js";
import { may } from "../who.js";
import { t } from "../words.js";

/** @typedef {{before: string, text: string, after: string}} Surrounded */

/** @param {{citation: Citation}} props */
export function Passage({ citation }) {
  const [passage, setPassage] = useState(/** @type {Surrounded | null} */ (null));
  const { file_id, passage: ordinal, quote } = citation;
  const file = `/v1/files/${encodeURIComponent(file_id)}`;
  useEffect(() => {
    // Documents of an assistant that somebody shares are theirs: then the quote is all there is.
    if (may("knowledge")) ask("GET", `${file}/passages/${ordinal}`).then(setPassage, () => {});
  }, [file, ordinal]);
  if (!passage) return html`<blockquote>${quote}</blockquote>`;
  return html`<blockquote class="passage"><span class="quiet">${passage.before}</span><${Quoted} text=${passage.text} quote=${quote} /><span
      class="quiet">${passage.after}</span></blockquote>
    <p><a href=${`${file}/content`} target="_blank" rel="noopener">${t("talk.whole_document")}</a></p>`;
}

/** The passage itself, with the part that the reply shares. @param {{text: string, quote: string}} props */
function Quoted({ text, quote }) {
  const at = quote ? text.indexOf(quote) : -1;
  if (at < 0) return text;
  return html`${text.slice(0, at)}<mark>${quote}</mark>${text.slice(at + quote.length)}`;
}
