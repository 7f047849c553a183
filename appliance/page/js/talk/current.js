// The one conversation of this page: it goes on while other pages are looked at.

import { Talk } from "../live/talk.js";

/** @type {Talk | undefined} */
let made;

export function talk() {
  made ??= new Talk();
  return made;
}
