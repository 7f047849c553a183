// The one large button: held to talk, or pressed to have the box listen by itself.

import { Icon } from "../icons.js";
import * as kept from "../kept.js";
import { html, useEffect, useRef, useValue } from "../view.js";
import { t } from "../words.js";

/** @param {{talk: import("../live/talk.js").Talk}} props */
export function Button({ talk }) {
  const status = useValue(talk.status);
  const hands = useValue(kept.handsFree);
  const listening = useValue(talk.ear.listening);
  const holding = useValue(talk.ear.holding);
  const owed = useValue(talk.reply.owed);
  const speaking = useValue(talk.reply.speaking);
  const answers = owed || speaking;
  const ring = useLevel(talk);

  const down = (/** @type {PointerEvent} */ event) => {
    if (event.button || hands) return;
    event.preventDefault();
    /** @type {HTMLElement} */ (event.currentTarget).setPointerCapture(event.pointerId);
    /** @type {HTMLElement} */ (event.currentTarget).focus();
    talk.press();
  };
  const key = (/** @type {KeyboardEvent} */ event) => {
    if (hands || (event.key !== " " && event.key !== "Enter")) return;
    event.preventDefault();
    if (event.type === "keyup") talk.release();
    else if (!event.repeat) talk.press();
  };
  const change = () => {
    talk.ear.listen(false);
    kept.handsFree.value = !hands;
  };
  const active = holding || listening;
  return html`<div class="speak">
    <label class="switch"><input type="checkbox" role="switch" checked=${hands} onChange=${change} /><span>${t("talk.hands_free")}</span></label>
    <button class=${`talk-button ${status}`} aria-pressed=${active ? "true" : "false"} aria-describedby="status"
      aria-label=${t(hands ? (listening ? "talk.stop_listening" : "talk.listen") : "talk.hold")}
      onPointerDown=${down} onPointerUp=${() => talk.release()} onPointerCancel=${() => talk.release()}
      onLostPointerCapture=${() => talk.release()} onKeyDown=${key} onKeyUp=${key} onBlur=${() => talk.release()}
      onContextMenu=${(/** @type {Event} */ event) => event.preventDefault()}
      onClick=${() => hands && talk.ear.listen()}>
      <span class="ring" ref=${ring}></span><${Icon} name="talk" />
    </button>
    <button class="plain round stop" aria-disabled=${answers ? undefined : "true"} onClick=${() => talk.interrupt()}
      aria-label=${t("talk.stop")} title=${t("talk.stop")}><${Icon} name="stop" /></button>
    <p id="status" class="status" role="status">${t(`status.${status}${status === "idle" && hands ? "_hands_free" : ""}`)}</p>
  </div>`;
}

/** How loud it is, drawn without drawing the page again. @param {import("../live/talk.js").Talk} talk */
function useLevel(talk) {
  const ring = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(
    () =>
      talk.ear.level.subscribe((level) => {
        if (ring.current) ring.current.style.transform = `scale(${1 + Math.min(1, Math.sqrt(level) * 1.6) * 0.5})`;
      }),
    [talk],
  );
  return ring;
}
