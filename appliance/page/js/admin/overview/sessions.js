// Who speaks with the box now; a conversation can be ended.

import { ask } from "../../http.js";
import { useDoor } from "../../live_data.js";
import { html, useRef, useState } from "../../view.js";
import { moment, t } from "../../words.js";
import { AskFirst } from "../ask_first.js";
import { lasting } from "../lasting.js";
import { Told } from "../told.js";

/** `at`: the box's time, in seconds since the epoch. @param {{at: number}} props */
export function Sessions({ at }) {
  const door = useDoor("/v1/admin/sessions", { everyMs: 2_000 });
  const [ending, setEnding] = useState(/** @type {any} */ (null));
  const heading = useRef(/** @type {HTMLElement | null} */ (null));
  const closed = (/** @type {boolean} */ done) => {
    setEnding(null);
    if (!done) return;
    heading.current?.focus(); // the button that was pressed goes
    door.again();
  };
  const all = door.data?.data ?? [];
  return html`<section class="card" aria-labelledby="sessions">
    <header><h2 id="sessions" tabindex="-1" ref=${heading}>${t("admin.overview.sessions")}</h2>
      ${door.data && html`<span class="quiet small">${t("admin.overview.room", { count: all.length, most: door.data.most })}</span>`}</header>
    <${Told} door=${door} />
    ${door.data && !all.length && html`<p class="quiet">${t("admin.overview.nobody")}</p>`}
    ${
      all.length > 0 &&
      html`<div class="scroll stacked" tabindex="0" role="group" aria-labelledby="sessions"><table>
      <thead><tr>${["user", "kind", "since", "from"].map((each) => html`<th key=${each} scope="col">${t(`admin.overview.session_${each}`)}</th>`)}
        <th scope="col"><span class="hidden">${t("admin.overview.end")}</span></th></tr></thead>
      <tbody>${all.map((/** @type {any} */ each) => html`<${Row} key=${each.id} shown=${each} at=${at} end=${() => setEnding(each)} />`)}</tbody>
    </table></div>`
    }
    ${
      ending &&
      html`<${AskFirst} title=${t("admin.overview.end_title", { user: ending.user })} text=${t("admin.overview.end_text")}
      yes=${t("admin.overview.end")} act=${() => ended(ending.id)} close=${closed} />`
    }
  </section>`;
}

/** Who has gone by themselves meanwhile is gone. @param {string} id */
async function ended(id) {
  try {
    await ask("DELETE", `/v1/admin/sessions/${id}`);
  } catch (error) {
    if (/** @type {{status?: number}} */ (error).status !== 404) throw error;
  }
}

/** @param {{shown: any, at: number, end: () => void}} props */
function Row({ shown, at, end }) {
  return html`<tr>
    <th scope="row">${shown.user}</th>
    <td data-name=${t("admin.overview.session_kind")}>${t(`admin.overview.kind_${shown.kind}`)}</td>
    <td data-name=${t("admin.overview.session_since")}><span>${moment(shown.since, { timeStyle: "short" })}
      ${" "}<span class="quiet small">${lasting(at - shown.since)}</span></span></td>
    <td data-name=${t("admin.overview.session_from")}><span>${shown.address}${shown.key_id && html` <code class="quiet">${shown.key_id}</code>`}</span></td>
    <td><button class="small danger" onClick=${end} aria-label=${t("admin.overview.end_one", { user: shown.user })}>${t("admin.overview.end")}</button></td>
  </tr>`;
}
