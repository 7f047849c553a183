// Where files are dropped, and the button for those who choose them.

import { Refused } from "../../http.js";
import { Icon } from "../../icons.js";
import { html, useState } from "../../view.js";
import { size, t } from "../../words.js";
import { wrongSize } from "./standing.js";
import { handIn } from "./uploads.js";

/** What the button offers; the box itself says what it cannot read. */
const KINDS = ".txt,.text,.log,.md,.markdown,.html,.htm,.xhtml,.pdf,.docx,.csv,.tsv,.json,.jsonl,.ndjson";

/** @param {DataTransfer} given @returns {{files: File[], folders: boolean}} */
function filesOf(given) {
  const items = [...given.items].filter((item) => item.kind === "file");
  const plain = items.filter((item) => !item.webkitGetAsEntry()?.isDirectory);
  const files = plain.map((item) => item.getAsFile()).filter((file) => file !== null);
  return { files, folders: plain.length < items.length };
}

/** @param {{store: string, most: number}} props */
export function Drop({ store, most }) {
  const [over, setOver] = useState(false);
  const [folders, setFolders] = useState(false);
  const refused = (/** @type {File} */ file) => {
    const wrong = wrongSize(file.size, most);
    return wrong
      ? new Refused(t(`admin.knowledge.${wrong}`, { size: size(file.size), most: size(most) }), 0, wrong)
      : null;
  };
  const dropped = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    setOver(false);
    if (!event.dataTransfer) return;
    const found = filesOf(event.dataTransfer);
    setFolders(found.folders);
    handIn(store, found.files, refused);
  };
  const chosen = (/** @type {Event} */ event) => {
    const input = /** @type {HTMLInputElement} */ (event.currentTarget);
    setFolders(false);
    handIn(store, [...(input.files ?? [])], refused);
    input.value = ""; // so that the same file can be chosen again
  };
  const above = (/** @type {DragEvent} */ event) => {
    event.preventDefault();
    setOver(true);
  };
  return html`<div class=${over ? "drop over" : "drop"} onDragOver=${above} onDragEnter=${above} onDragLeave=${() => setOver(false)} onDrop=${dropped}>
    <p>${t("admin.knowledge.drop_here")}</p>
    <label class="button"><input type="file" multiple accept=${KINDS} onChange=${chosen} />
      <${Icon} name="plus" />${t("admin.knowledge.choose")}</label>
    <p class="quiet small">${t("admin.knowledge.kinds", { most: size(most) })}</p>
    <p role="alert" class="wrong small">${folders ? t("admin.knowledge.no_folders") : ""}</p>
  </div>`;
}
