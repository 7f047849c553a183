// Documents: the collections, or one of them at an address of its own.

import { path } from "../place.js";
import { html, useValue } from "../view.js";
import { Collection } from "./knowledge/collection.js";
import { Collections } from "./knowledge/collections.js";

export function Knowledge() {
  const id = useValue(path).split("/")[3];
  return id ? html`<${Collection} key=${id} id=${id} />` : html`<${Collections} />`;
}
