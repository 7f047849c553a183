// Assistants: all of them, or one of them, or a new one, at an address of its own.

import { path } from "../place.js";
import { html, useValue } from "../view.js";
import { AssistantList } from "./assistants/list.js";
import { AssistantPage } from "./assistants/one.js";

export function Assistants() {
  const id = useValue(path).split("/")[3];
  return id ? html`<${AssistantPage} key=${id} id=${id} />` : html`<${AssistantList} />`;
}
