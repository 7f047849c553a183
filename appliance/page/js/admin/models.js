// Models: sets of them, each of them, what is being fetched, and the change to another set.

import { ask } from "../http.js";
import { useAnswer } from "../live_data.js";
import { html, useRef, useState } from "../view.js";
import { size, t } from "../words.js";
import { ModelList } from "./models/list.js";
import { Pull } from "./models/pull.js";
import { SetList } from "./models/sets.js";
import { Switched } from "./models/switched.js";
import { switching } from "./models/switching.js";
import { Told } from "./told.js";

const DOOR = "/v1/admin/models";
const SOON_MS = 1_000;
const USUAL_MS = 10_000;

const load = () => ask("GET", DOOR);
/** A box that cannot be asked may be going over to another set. @param {any} data @param {unknown} error */
const pace = (data, error) =>
  error || data?.pull?.state === "running" || data?.switch?.state === "switching" ? SOON_MS : USUAL_MS;

export function Models() {
  const door = useAnswer(load, pace);
  const data = door.data;
  /** What was asked for, and how many answers had come by then: older ones do not know of it. */
  const [asked, setAsked] = useState(/** @type {{to: string, seen: number} | null} */ (null));
  const change = switching({ asked, seen: door.seen, told: data?.switch ?? null, away: Boolean(door.error) });
  const wait = { busy: change?.state === "switching" || data?.pull?.state === "running" };
  const seen = useRef(0);
  seen.current = door.seen;
  const begun = (/** @type {string} */ to) => {
    setAsked({ to, seen: seen.current });
    door.again();
  };
  return html`
    ${change && html`<${Switched} change=${change} used=${data?.set ?? ""} />`}
    ${change?.state === "switching" || html`<${Told} door=${door} />`}
    ${data?.pull && html`<${Pull} pull=${data.pull} again=${door.again} />`}
    ${
      data &&
      html`
      ${!data.writable && html`<p class="notice">${t("admin.models.not_writable", { folder: data.folder })}</p>`}
      <${SetList} models=${data} busy=${wait.busy} again=${door.again} begun=${begun} />
      <${ModelList} models=${data} busy=${wait.busy} again=${door.again} />
      <p class="quiet small">${t("admin.models.folder", { folder: data.folder })}
        ${data.free_bytes !== null && ` ${t("admin.models.free", { size: size(data.free_bytes) })}`}</p>`
    }`;
}
