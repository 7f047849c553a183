// What can be done with a conversation besides reading it: another title, a file of it, and its end.

import { ask } from "../http.js";
import { Icon } from "../icons.js";
import { talk } from "../talk/current.js";
import { html, useEffect, useRef, useState } from "../view.js";
import { t } from "../words.js";
import { useAttempt } from "./attempt.js";
import { Exports } from "./exports.js";
import { doorOf, titleOf } from "./listed.js";

const MOST_TITLE = 200;

/** @typedef {"all" | "rename" | "delete"} Task */
/** What became of it: another title, or nothing is left; null where it is as it was. @typedef {{title: string} | "deleted" | null} Outcome */
/** @typedef {import("./listed.js").Listed} Listed */

/**
 * A dialog, open as long as it is drawn.
 * @param {{one: Listed, task: Task, end: (outcome: Outcome) => void}} props
 */
export function Manage({ one, task, end }) {
  const [now, setNow] = useState(task);
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const outcome = useRef(/** @type {Outcome} */ (null));
  useEffect(() => dialog.current?.showModal(), []);
  const close = () => dialog.current?.close();
  const finish = (/** @type {Outcome} */ became) => {
    outcome.current = became;
    close();
  };
  const Content = now === "rename" ? Rename : now === "delete" ? Delete : Menu;
  return html`<dialog ref=${dialog} aria-labelledby="manage-title" onClose=${() => end(outcome.current)}
    onClick=${(/** @type {MouseEvent} */ event) => event.target === dialog.current && close()}>
    <div class="card manage"><header><h2 id="manage-title">${now === "all" ? titleOf(one) : t(`history.${now}`)}</h2>
      <button class="plain round" onClick=${close} aria-label=${t("close")}><${Icon} name="close" /></button></header>
      <${Content} one=${one} choose=${setNow} finish=${finish} close=${close} />
    </div>
  </dialog>`;
}

/** @param {{one: Listed, choose: (task: Task) => void}} props */
function Menu({ one, choose }) {
  return html`<div class="fields">
    <button onClick=${() => choose("rename")}>${t("history.rename")}</button>
    <${Exports} id=${one.id} />
    <button class="danger" onClick=${() => choose("delete")}><${Icon} name="bin" />${t("history.delete")}</button>
  </div>`;
}

/** @param {{one: Listed, finish: (outcome: Outcome) => void, close: () => void}} props */
function Rename({ one, finish, close }) {
  const { busy, wrong, attempt } = useAttempt();
  const field = useRef(/** @type {HTMLInputElement | null} */ (null));
  useEffect(() => field.current?.select(), []);
  const save = (/** @type {Event} */ event) => {
    event.preventDefault();
    const title = field.current?.value.trim() ?? "";
    attempt(async () => {
      await ask("PATCH", doorOf(one.id), { title });
      finish({ title });
    });
  };
  return html`<form class="fields" onSubmit=${save}>
    <div><label for="history-title">${t("history.title")}</label>
      <input id="history-title" ref=${field} required pattern=".*\\S.*" maxlength=${MOST_TITLE} autocomplete="off" value=${one.title}
        aria-invalid=${wrong ? "true" : undefined} aria-describedby="history-wrong" /></div>
    <p id="history-wrong" role="alert" class="wrong">${wrong}</p>
    <div class="actions"><button class="primary" disabled=${busy}>${t("history.save")}</button>
      <button type="button" onClick=${close}>${t("history.cancel")}</button></div>
  </form>`;
}

/** @param {{one: Listed, finish: (outcome: Outcome) => void, close: () => void}} props */
function Delete({ one, finish, close }) {
  const { busy, wrong, attempt } = useAttempt();
  const safe = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => safe.current?.focus(), []);
  const remove = () =>
    attempt(async () => {
      // The box ends the line of one that is still being held; what is said next is a new one.
      if (talk().conversation.peek() === one.id) talk().change();
      await ask("DELETE", doorOf(one.id));
      finish("deleted");
    });
  return html`<p>${t("history.delete_ask", { title: titleOf(one) })}</p>
    <p class="quiet">${t("history.delete_help")}</p>
    <p role="alert" class="wrong">${wrong}</p>
    <div class="actions"><button class="danger" onClick=${remove} disabled=${busy}><${Icon} name="bin" />${t("history.delete")}</button>
      <button ref=${safe} onClick=${close}>${t("history.cancel")}</button></div>`;
}
