// Who may come in: keys, and the log of what was done.

import { useDoor } from "../live_data.js";
import { html, useState } from "../view.js";
import { t } from "../words.js";
import { Audit } from "./keys/audit.js";
import { KeyList } from "./keys/list.js";
import { NewKey } from "./keys/new_key.js";
import { ShownOnce } from "./keys/shown_once.js";
import { Told } from "./told.js";

export function Keys() {
  const door = useDoor("/v1/admin/keys");
  const [made, setMade] = useState(/** @type {any} */ (null));
  const [turn, setTurn] = useState(0);
  const changed = () => {
    door.again();
    setTurn(turn + 1);
  };
  return html`
    ${made && html`<${ShownOnce} made=${made} close=${() => setMade(null)} />`}
    <section class="card" aria-labelledby="keys">
      <h2 id="keys">${t("admin.keys.all")}</h2>
      <${Told} door=${door} />
      ${door.data && html`<${KeyList} keys=${door.data.data} revoked=${changed} />`}
    </section>
    <${NewKey} made=${(/** @type {any} */ key) => {
      setMade(key);
      changed();
    }} />
    <${Audit} turn=${turn} />`;
}
