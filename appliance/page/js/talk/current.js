// The one conversation of this page: it goes on while other pages are looked at.

import { Talk } from "../live/talk.js";
import { effect } from "../view.js";
import { who } from "../who.js";

/** @type {Talk | undefined} */
let made;

export function talk() {
  if (!made) {
    const begun = new Talk();
    made = begun;
    // Whoever comes next is somebody else.
    effect(() => {
      if (who.value === null) begun.leave();
    });
  }
  return made;
}
