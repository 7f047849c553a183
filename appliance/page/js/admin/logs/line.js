// One line of the log.

import { html } from "../../view.js";
import { moment, t } from "../../words.js";
import { valueText } from "./lines.js";

/** @type {Intl.DateTimeFormatOptions} */
const TIME = { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" };
/** @type {Intl.DateTimeFormatOptions} */
const WHOLE = { dateStyle: "full", timeStyle: "medium" };

/** @param {{line: import("./lines.js").Line}} props */
export function LogLine({ line }) {
  return html`<li class=${`log-line ${line.level}`}>
    ${line.gap && html`<p class="gap warn">${t(`admin.logs.${line.gap}`)}</p>`}
    <time class="quiet" title=${moment(line.at, WHOLE)}>${moment(line.at, TIME)}</time>
    <span class="level">${line.level}</span>
    <span class="what" lang="en"><strong>${line.event}</strong>
      ${Object.entries(line.fields).map(([name, value]) => html` <span key=${name} class="field"><span class="quiet">${name}=</span>${valueText(value)}</span>`)}
      ${line.cut && html` <span class="quiet" title=${t("admin.logs.cut")}>…</span>`}
      ${" "}<span class="quiet logger">${line.logger.replace(/^appliance\./, "")}</span></span>
  </li>`;
}
