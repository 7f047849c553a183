// The turns of this conversation, each as a picture of its stages.

import { ask } from "../http.js";
import { html, useEffect, useState, useValue } from "../view.js";
import { span, t } from "../words.js";
import { Copy } from "./copy.js";
import { curl } from "./curl.js";
import { Waterfall } from "./waterfall.js";

/** @param {{talk: import("../live/talk.js").Talk}} props */
export function Turns({ talk }) {
  const turns = useValue(talk.measured.turns);
  if (!turns.length) return html`<p class="quiet">${t("hood.no_turns")}</p>`;
  return html`<div class="turns">
    ${turns.toReversed().map((turn) => html`<${Turn} key=${turn.response} turn=${turn} />`)}
  </div>`;
}

/** @param {{turn: import("../live/measured.js").Timing}} props */
function Turn({ turn }) {
  const [story, setStory] = useState(/** @type {any} */ (null));
  const done = turn.page !== null;
  useEffect(() => {
    if (turn.over) ask("GET", `/v1/turns/${turn.response}/timings`).then(setStory, () => {});
  }, [turn.response, turn.over]);
  return html`<section class="turn">
    <h3>${done ? span(/** @type {number} */ (turn.page)) : "…"} <span class="quiet small">${t("hood.voice_to_voice")}</span></h3>
    <dl class="figures">
      <div><dt>${t("hood.box")}</dt><dd>${span(turn.box)}</dd></div>
      <div><dt>${t("hood.received")}</dt><dd>${span(turn.received)}</dd></div>
      ${
        done &&
        html`<div><dt>${t("hood.added")}</dt><dd>${span(/** @type {number} */ (turn.page) - turn.box)}</dd></div>
        <div><dt>${t("hood.output")}</dt><dd>${span(turn.latency)}</dd></div>
        <div><dt>${t("hood.round_trip")}</dt><dd>${span(turn.roundTrip)}</dd></div>`
      }
    </dl>
    ${story && html`<${Waterfall} story=${story} />`}
    <${Copy} text=${curl(`/v1/turns/${turn.response}/timings`)} />
  </section>`;
}
