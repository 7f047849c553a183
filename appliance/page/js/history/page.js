// History: all conversations, or one of them.

import { path } from "../place.js";
import { html, useState, useValue } from "../view.js";
import { Conversation } from "./conversation.js";
import { Conversations } from "./conversations.js";

/** What is seen when the list is come back to. @typedef {{query: string, from: string, told: string}} Left */

export function HistoryPage() {
  const id = decoded(useValue(path).split("/")[2] ?? "");
  const [left, setLeft] = useState(/** @type {Left} */ ({ query: "", from: "", told: "" }));
  const leave = (/** @type {Partial<Left>} */ changed) => setLeft((before) => ({ ...before, ...changed }));
  return id
    ? html`<${Conversation} key=${id} id=${id} leave=${leave} />`
    : html`<${Conversations} left=${left} leave=${leave} />`;
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
