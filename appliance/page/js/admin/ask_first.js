// What cannot be undone is asked for once more.

import { said } from "../sign_in.js";
import { html, useEffect, useRef, useState } from "../view.js";
import { t } from "../words.js";

/**
 * `act` is done if the answer is yes; where it fails the question stays, with the reason. `close` is told whether it was.
 * @param {{title: string, text: string, yes: string, act: () => Promise<unknown>, close: (done: boolean) => void}} props
 */
export function AskFirst({ title, text, yes, act, close }) {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const done = useRef(false);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState(/** @type {unknown} */ (""));
  useEffect(() => dialog.current?.showModal(), []);
  const go = async () => {
    setBusy(true);
    setWrong("");
    try {
      await act();
      done.current = true;
      dialog.current?.close();
    } catch (error) {
      setWrong(said(error));
      setBusy(false);
    }
  };
  return html`<dialog ref=${dialog} aria-labelledby="ask-title" aria-describedby="ask-text" onClose=${() => close(done.current)}>
    <div class="card">
      <h2 id="ask-title">${title}</h2>
      <p id="ask-text">${text}</p>
      <p role="alert" class="wrong">${wrong}</p>
      <div class="actions">
        <button type="button" autofocus onClick=${() => dialog.current?.close()}>${t("admin.ask.no")}</button>
        <button type="button" class="danger" disabled=${busy} onClick=${go}>${yes}</button>
      </div>
    </div>
  </dialog>`;
}
