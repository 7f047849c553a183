// Looking after the box: its sections, one at a time.

import { go, Link, path } from "../place.js";
import { html, useEffect, useRef, useValue } from "../view.js";
import { t } from "../words.js";
import { Assistants } from "./assistants.js";
import { Backups } from "./backups.js";
import { Doctor } from "./doctor.js";
import { Keys } from "./keys.js";
import { Knowledge } from "./knowledge.js";
import { Logs } from "./logs.js";
import { Models } from "./models.js";
import { Overview } from "./overview.js";
import { Usage } from "./usage.js";

/** @type {[string, () => unknown][]} */
const SECTIONS = [
  ["overview", Overview],
  ["keys", Keys],
  ["usage", Usage],
  ["models", Models],
  ["knowledge", Knowledge],
  ["assistants", Assistants],
  ["backups", Backups],
  ["logs", Logs],
  ["doctor", Doctor],
];

export function AdminPage() {
  const at = useValue(path).split("/")[2] ?? "overview";
  const [name, Section] =
    SECTIONS.find(([each]) => each === at) ?? /** @type {[string, () => unknown]} */ (SECTIONS[0]);
  useEffect(() => {
    if (name !== at) go("/admin", { replace: true });
  }, [name, at]);
  const sections = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    // Where they do not all fit, the one that is shown is to be seen.
    sections.current?.querySelector('[aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [name]);
  return html`<div class="admin">
    <nav class="sections" ref=${sections} aria-label=${t("admin.sections")}>
      ${SECTIONS.map(
        ([
          each,
        ]) => html`<${Link} key=${each} to=${each === "overview" ? "/admin" : `/admin/${each}`} current=${each === name}>
          ${t(`admin.${each}`)}<//>`,
      )}
    </nav>
    <div class="section"><h1>${t(`admin.${name}`)}</h1><${Section} /></div>
  </div>`;
}
