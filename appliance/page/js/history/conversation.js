// One conversation from its beginning to its end, and the way to go on with it.

import { Icon } from "../icons.js";
import { useDoor } from "../live_data.js";
import { go, Link } from "../place.js";
import { said } from "../sign_in.js";
import { talk } from "../talk/current.js";
import { html, useEffect, useRef, useState } from "../view.js";
import { may } from "../who.js";
import { day, moment, t } from "../words.js";
import { byDay } from "./days.js";
import { entries, utterances } from "./entries.js";
import { Entry } from "./entry.js";
import { Exports } from "./exports.js";
import { doorOf, titleOf } from "./listed.js";
import { Manage } from "./manage.js";
import { usePages } from "./pages.js";

/** @typedef {import("./manage.js").Task} Task */

/** @param {{id: string, leave: (changed: Partial<import("./page.js").Left>) => void}} props */
export function Conversation({ id, leave }) {
  const { data: one, error, again } = useDoor(doorOf(id));
  const pages = usePages(`${doorOf(id)}/items?order=asc&limit=100`, { all: true });
  const [task, setTask] = useState(/** @type {Task | null} */ (null));
  const title = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => title.current?.focus(), [one === null]);
  useEffect(() => leave({ from: id, told: "" }), [id]);

  const all = entries(pages.data);
  const goOn = () => {
    talk().goOn(id, utterances(all));
    go("/");
  };
  const ended = (/** @type {import("./manage.js").Outcome} */ outcome) => {
    setTask(null);
    if (outcome === "deleted") {
      leave({ told: t("history.deleted", { title: titleOf(one) }) });
      go("/history", { replace: true });
    } else if (outcome) again();
  };
  if (!one) return html`<${Missing} error=${error} again=${again} />`;
  const whole = !pages.busy && !pages.error;
  return html`<section class="history">
    <${Back} />
    <h1 ref=${title} tabindex="-1">${titleOf(one)}</h1>
    <p class="quiet small">${t("history.begun", { moment: moment(one.created_at) })}</p>
    <div class="actions">
      ${may("voice") && html`<button class="primary" onClick=${goOn} disabled=${!whole}><${Icon} name="talk" />${t("history.continue")}</button>`}
      <button onClick=${() => setTask("rename")}>${t("history.rename")}</button>
      <${Exports} id=${id} />
      <button class="danger" onClick=${() => setTask("delete")}><${Icon} name="bin" />${t("history.delete")}</button>
    </div>
    <${Told} all=${all} conversation=${id} />
    <p role="status" class="quiet small">${pages.busy ? t("history.loading") : ""}</p>
    <div role="alert">${pages.error && html`<p class="notice wrong">${said(pages.error)}</p>`}</div>
    ${pages.error && html`<p class="more"><button onClick=${pages.next}>${t("history.again")}</button></p>`}
    ${whole && !all.length && html`<p class="card">${t("history.no_items")}</p>`}
    ${task && html`<${Manage} one=${one} task=${task} end=${ended} />`}
  </section>`;
}

/** All that was said, day by day. @param {{all: import("./entries.js").Entry[], conversation: string}} props */
function Told({ all, conversation }) {
  let before = "";
  const days = byDay(all, (each) => {
    if (each.kind === "said" && each.at !== null) before = day(each.at);
    return before;
  });
  return html`<div class="told">
    ${days.map(
      (group) => html`<div key=${group.day} class="told-day">
        ${group.day && html`<p class="quiet small day">${group.day}</p>`}
        ${group.things.map((each) => html`<${Entry} key=${each.id} entry=${each} conversation=${conversation} />`)}
      </div>`,
    )}
  </div>`;
}

/** Not there yet, or not at all. @param {{error: any, again: () => void}} props */
function Missing({ error, again }) {
  if (!error)
    return html`<section class="history"><${Back} /><p role="status" class="quiet">${t("history.loading")}</p></section>`;
  const gone = error.status === 404;
  return html`<section class="history"><${Back} />
    <h1>${t("nav.history")}</h1>
    <div role="alert"><p class="notice wrong">${gone ? t("history.gone") : said(error)}</p></div>
    ${!gone && html`<p class="more"><button onClick=${again}>${t("history.again")}</button></p>`}
  </section>`;
}

function Back() {
  return html`<p class="back"><${Link} to="/history"><${Icon} name="back" />${t("history.back")}<//></p>`;
}
