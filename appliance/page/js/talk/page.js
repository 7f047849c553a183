// Talking: what was said above, the button and the line to type in below.

import { Player } from "../audio/player.js";
import { Icon } from "../icons.js";
import * as kept from "../kept.js";
import { later } from "../later.js";
import { html, useEffect, useRef, useValue } from "../view.js";
import { t } from "../words.js";
import { Button } from "./button.js";
import { Composer } from "./composer.js";
import { talk } from "./current.js";
import { Notice } from "./notice.js";
import { Saying } from "./saying.js";

const UnderTheHood = later(async () => (await import("../hood/panel.js")).UnderTheHood);

export function TalkPage() {
  const current = talk();
  const hood = useValue(kept.developer);
  useEffect(() => {
    const stop = (/** @type {KeyboardEvent} */ event) => {
      if (event.key !== "Escape" || document.querySelector("dialog[open]")) return;
      if (current.ear.holding.peek()) current.ear.throwAway();
      else current.interrupt();
    };
    addEventListener("keydown", stop);
    return () => removeEventListener("keydown", stop);
  }, [current]);
  return html`<div class=${hood ? "talk with-hood" : "talk"}>
    <h1 class="hidden">${t("nav.talk")}</h1>
    <section class="conversation" aria-label=${t("talk.conversation")}>
      <${Said} />
      <div class="controls">
        <${Notice} talk=${current} />
        <${Button} talk=${current} />
        <${Composer} talk=${current} />
      </div>
    </section>
    ${hood && html`<${UnderTheHood} talk=${current} />`}
  </div>`;
}

/** All that was said; it stays at its end unless the reader has gone up. */
function Said() {
  const current = talk();
  const list = useValue(current.utterances);
  const sounds = useValue(current.player.sounds);
  const aloud = useValue(kept.aloud) && Player.able;
  const drawn = useRef(/** @type {WeakMap<Utterance, unknown>} */ (new WeakMap()));
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const follows = useRef(true);
  useEffect(() => {
    if (box.current && follows.current) box.current.scrollTop = box.current.scrollHeight;
  }, [list]);
  const scrolled = () => {
    const it = box.current;
    if (it) follows.current = it.scrollHeight - it.scrollTop - it.clientHeight < 80;
  };
  return html`<div class="said" ref=${box} onScroll=${scrolled} tabindex="0" role="log" aria-live="off" aria-label=${t("talk.said")}>
    ${list.length === 0 && html`<${Welcome} />`}
    ${list.map((each) => draw(each, sounds === each.id ? current.player : null, drawn.current))}
    ${
      list.length > 0 &&
      html`<p class="hidden" role="status">${aloud ? "" : read(list)}</p><p class="again"><button class="plain" onClick=${() => current.change()}>
      <${Icon} name="plus" />${t("talk.new")}</button></p>`
    }
  </div>`;
}

/** The last reply, once it is whole: for who has a screen read to them, where the box does not speak. @param {readonly Utterance[]} list */
function read(list) {
  const last = list.at(-1);
  return last?.role === "assistant" && last.state === "done" ? last.text : "";
}

/**
 * What has not changed is not drawn again, however long the conversation.
 * @param {Utterance} said
 * @param {import("../audio/player.js").Player | null} player that says it now
 * @param {WeakMap<Utterance, unknown>} drawn
 */
function draw(said, player, drawn) {
  if (player) return html`<${Saying} key=${said.id} said=${said} player=${player} />`;
  if (!drawn.has(said)) drawn.set(said, html`<${Saying} key=${said.id} said=${said} />`);
  return drawn.get(said);
}

function Welcome() {
  const hands = useValue(kept.handsFree);
  return html`<div class="welcome"><${Icon} name="mark" /><p>${t(hands ? "talk.welcome_hands_free" : "talk.welcome")}</p><p class="quiet">${t("talk.private")}</p></div>`;
}
