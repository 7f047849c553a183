// All assistants: one's own, and those that others share.

import { ask } from "../../http.js";
import { Icon } from "../../icons.js";
import * as kept from "../../kept.js";
import { useAnswer } from "../../live_data.js";
import { go, Link } from "../../place.js";
import { html, useState, useValue } from "../../view.js";
import { who } from "../../who.js";
import { t } from "../../words.js";
import { AskFirst } from "../ask_first.js";
import { every } from "../care/every.js";
import { Told } from "../told.js";

const load = () => every("/v1/assistants");

export function AssistantList() {
  const door = useAnswer(load);
  const user = useValue(who)?.user;
  const all = door.data ?? [];
  const own = all.filter((each) => each.owned_by === user);
  const shared = all.filter((each) => each.owned_by !== user);
  return html`
    <section class="card" aria-labelledby="own">
      <header><h2 id="own">${t("admin.assistants.own")}</h2>
        <${Link} to="/admin/assistants/new" class="button"><${Icon} name="plus" />${t("admin.assistants.new")}<//></header>
      <p class="quiet">${t("admin.assistants.about")}</p>
      <${Told} door=${door} />
      ${door.data && own.length === 0 && html`<p class="quiet">${t("admin.assistants.none")}</p>`}
      <ul class="things">${own.map((each) => html`<${Line} key=${each.id} assistant=${each} own=${true} again=${door.again} />`)}</ul>
    </section>
    ${
      shared.length > 0 &&
      html`<section class="card" aria-labelledby="shared">
      <h2 id="shared">${t("admin.assistants.from_others")}</h2>
      <ul class="things">${shared.map((each) => html`<${Line} key=${each.id} assistant=${each} own=${false} again=${door.again} />`)}</ul>
    </section>`
    }`;
}

/** @param {{assistant: any, own: boolean, again: () => Promise<void>}} props */
function Line({ assistant: it, own, again }) {
  const [deletes, setDeletes] = useState(false);
  const address = `/admin/assistants/${encodeURIComponent(it.id)}`;
  const stores = it.tool_resources.file_search.vector_store_ids.length;
  const talk = () => {
    kept.assistant.value = it.name;
    go("/");
  };
  const close = (/** @type {boolean} */ done) => {
    setDeletes(false);
    if (!done) return;
    if (kept.assistant.value === it.name) kept.assistant.value = "default";
    again();
  };
  return html`<li class="thing">
    <div>
      <h3>${own ? html`<${Link} to=${address}>${it.name}<//>` : it.name}
        ${own && it.shared && html` <span class="badge">${t("admin.assistants.is_shared")}</span>`}</h3>
      ${it.description && html`<p>${it.description}</p>`}
      <p class="quiet small">${[
        it.voice && t("admin.assistants.with_voice", { voice: it.voice }),
        stores > 0 && t("admin.assistants.knows", { count: stores }),
      ]
        .filter(Boolean)
        .join(" · ")}</p>
    </div>
    <div class="actions small">
      <button aria-label=${`${t("admin.assistants.talk")}: ${it.name}`} onClick=${talk}><${Icon} name="talk" />${t("admin.assistants.talk")}</button>
      ${
        own &&
        html`<${Link} to=${address} class="button" label=${`${t("admin.assistants.edit")}: ${it.name}`}>${t("admin.assistants.edit")}<//>
        <button class="danger" aria-label=${`${t("admin.assistants.delete")}: ${it.name}`} onClick=${() => setDeletes(true)}>
          <${Icon} name="bin" />${t("admin.assistants.delete")}</button>`
      }
    </div>
    ${
      deletes &&
      html`<${AskFirst} title=${t("admin.assistants.delete_title", { name: it.name })} text=${t("admin.assistants.delete_text")}
        yes=${t("admin.assistants.delete_yes")} act=${() => ask("DELETE", `/v1/assistants/${encodeURIComponent(it.id)}`)} close=${close} />`
    }
  </li>`;
}
