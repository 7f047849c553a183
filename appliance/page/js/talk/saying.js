// One thing that was said. A reply's words light up while they are spoken.

import { lit, pieces } from "../live/captions.js";
import { html, useEffect, useRef } from "../view.js";
import { known, t } from "../words.js";
import { Citations } from "./citations.js";

/** @param {{said: Utterance, player?: import("../audio/player.js").Player, children?: unknown}} props */
export function Saying({ said, player, children }) {
  const mine = said.role === "user";
  return html`<article class=${`saying ${mine ? "mine" : "its"} ${said.state}`} data-id=${said.id}>
    <h2 class="hidden">${t(mine ? "talk.you" : "talk.box")}</h2>
    ${mine ? html`<p>${said.text || "…"}</p>` : html`<${Spoken} said=${said} player=${player} />`}
    ${said.state === "cut" && html`<p class="quiet small">${t("talk.cut")}</p>`}
    ${said.failed && html`<p class="wrong small">${known(`error.${said.failed}`) ? t(`error.${said.failed}`) : t("error.unknown")}</p>`}
    ${said.citations.length > 0 && html`<${Citations} all=${said.citations} />`}
    ${children}
  </article>`;
}

/** @param {{said: Utterance, player?: import("../audio/player.js").Player}} props */
function Spoken({ said, player }) {
  const line = useRef(/** @type {HTMLElement | null} */ (null));
  const all = pieces(said.text, said.clauses);
  useEffect(() => {
    if (!player) return undefined;
    const follow = () => {
      const count = lit(all, player.heard(said.id));
      [...(line.current?.children ?? [])].forEach((span, number) => {
        span.classList.toggle("lit", number < count);
        span.classList.toggle("now", number === count - 1);
      });
      frame = requestAnimationFrame(follow);
    };
    let frame = requestAnimationFrame(follow);
    return () => {
      cancelAnimationFrame(frame);
      for (const span of line.current?.children ?? []) span.classList.remove("lit", "now");
    };
  });
  if (!said.text) return html`<p class="waiting" aria-hidden="true"><i></i><i></i><i></i></p>`;
  const heard = said.heard ?? said.text.length;
  return html`<p ref=${line}>${all.map((piece, number) => {
    const at = all.slice(0, number).reduce((sum, each) => sum + each.text.length, 0);
    return html`<span key=${number} class=${at >= heard ? "unheard" : undefined}>${piece.text}</span>`;
  })}</p>`;
}
