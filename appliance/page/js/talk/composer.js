// For those who type.

import { Icon } from "../icons.js";
import { html, useEffect, useRef, useState } from "../view.js";
import { t } from "../words.js";

/** Characters of one message; the box takes more, but nobody types it. */
const MOST = 8_000;
/** Of a key that an input method keeps for itself; Safari says no other way that Enter only ends a word. */
const COMPOSING = 229;

/** @param {{talk: import("../live/talk.js").Talk}} props */
export function Composer({ talk }) {
  const [text, setText] = useState("");
  const field = useRef(/** @type {HTMLTextAreaElement | null} */ (null));
  useEffect(() => grow(field.current), [text]);
  const send = (/** @type {Event} */ event) => {
    event.preventDefault();
    if (!text.trim()) return;
    talk.type(text.trim());
    setText("");
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === COMPOSING) return;
    send(event);
  };
  const write = (/** @type {InputEvent} */ event) => {
    setText(/** @type {HTMLTextAreaElement} */ (event.currentTarget).value);
  };
  return html`<form class="composer" onSubmit=${send}>
    <label class="hidden" for="message">${t("talk.message")}</label>
    <textarea id="message" ref=${field} rows="1" maxlength=${MOST} placeholder=${t("talk.message")} value=${text}
      onInput=${write} onKeyDown=${key}></textarea>
    <button class="round primary" aria-label=${t("talk.send")} title=${t("talk.send")} disabled=${!text.trim()}>
      <${Icon} name="send" /></button>
  </form>`;
}

/** As high as its text, where the browser does not see to that by itself. @param {HTMLTextAreaElement | null} field */
function grow(field) {
  if (!field || CSS.supports("field-sizing", "content")) return;
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + field.offsetHeight - field.clientHeight}px`;
}
