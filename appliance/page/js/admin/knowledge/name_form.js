// One line for a collection's name, and a button.

import { said } from "../../sign_in.js";
import { html, useState } from "../../view.js";
import { Field, isAbout } from "../care/field.js";

const MOST = 256;

/** @param {{id: string, label: string, yes: string, name?: string, act: (name: string) => Promise<unknown>}} props */
export function NameForm({ id, label, yes, name = "", act }) {
  const [text, setText] = useState(name);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {unknown} */ (null));
  const send = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await act(text.trim());
    } catch (wrong) {
      setError(wrong);
    }
    setBusy(false);
  };
  const write = (/** @type {InputEvent} */ event) => {
    setText(/** @type {HTMLInputElement} */ (event.currentTarget).value);
  };
  return html`<form class="fields" onSubmit=${send}>
    <${Field} id=${id} label=${label} param="name" error=${error}>
      ${(/** @type {object} */ tied) => html`<input ...${tied} maxlength=${MOST} required value=${text} onInput=${write} />`}
    <//>
    <p role="alert" class="wrong">${error && !isAbout(error, "name") ? said(error) : ""}</p>
    <div class="actions"><button class="primary" disabled=${busy || !text.trim()}>${yes}</button></div>
  </form>`;
}
