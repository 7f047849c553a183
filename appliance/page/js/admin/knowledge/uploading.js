// One file on its way to the box: how far it is, or why it did not get there.

import { said } from "../../sign_in.js";
import { html } from "../../view.js";
import { t } from "../../words.js";
import { Progress } from "../care/progress.js";
import { worthATry } from "./standing.js";
import { drop, tryAgain } from "./uploads.js";

/** @param {{upload: import("./uploads.js").Upload}} props */
export function Uploading({ upload }) {
  const { name, size } = upload.file;
  const failed = upload.state === "failed";
  const leave = t(failed ? "admin.knowledge.drop_failed" : "admin.knowledge.drop");
  return html`<li class="thing">
    <div>
      <h3>${name}</h3>
      ${upload.state === "waiting" && html`<p class="quiet small">${t("admin.knowledge.queued")}</p>`}
      ${upload.state === "sending" && html`<${Progress} label=${t("admin.knowledge.sending", { name })} done=${Math.min(upload.sent, size)} total=${size} />`}
      <p role="alert" class="wrong small">${failed ? said(upload.error) : ""}</p>
    </div>
    <div class="actions small">
      ${failed && worthATry(upload.error) && html`<button aria-label=${`${t("admin.knowledge.try_again")}: ${name}`} onClick=${() => tryAgain(upload.id)}>${t("admin.knowledge.try_again")}</button>`}
      <button aria-label=${`${leave}: ${name}`} onClick=${() => drop(upload.id)}>${leave}</button>
    </div>
  </li>`;
}
