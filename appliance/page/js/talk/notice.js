// What is wrong, and what to do: a microphone that was refused, a line that is lost, a reply that failed.

import { said } from "../sign_in.js";
import { html, useValue } from "../view.js";
import { t } from "../words.js";

/** @param {{talk: import("../live/talk.js").Talk}} props */
export function Notice({ talk }) {
  const fault = useValue(talk.fault);
  const lost = useValue(talk.line.state) === "lost";
  const nothing = useValue(talk.asking.heardNothing);
  const own = fault?.code.startsWith("microphone_") ? t(`error.${fault.code}`, { host: location.host }) : null;
  const text = fault && (own ?? said(fault));
  return html`<div role="alert">
    ${nothing && html`<p class="notice">${t("talk.heard_nothing")}</p>`}
    ${lost && html`<p class="notice">${t("talk.lost")}</p>`}
    ${text && html`<p class="notice wrong">${text}</p>`}
    ${fault?.code === "microphone_outdated" && html`<p><button class="primary" onClick=${() => location.reload()}>${t("load_again")}</button></p>`}
  </div>`;
}
