// What the reader has chosen, kept by the browser. None of it is anybody's words.

import { effect, signal } from "./view.js";

const PREFIX = "appliance.";

/**
 * @template {string | boolean} T
 * @param {string} name
 * @param {T} usual
 * @returns {import("../vendor/signals.js").Signal<T>}
 */
function kept(name, usual) {
  let begin = usual;
  try {
    const found = localStorage.getItem(PREFIX + name);
    if (found !== null && typeof JSON.parse(found) === typeof usual) begin = JSON.parse(found);
  } catch {
    // A browser that keeps nothing has the usual.
  }
  const choice = signal(begin);
  effect(() => {
    try {
      localStorage.setItem(PREFIX + name, JSON.stringify(choice.value));
    } catch {
      // As above.
    }
  });
  return choice;
}

/** Of the page's words; empty: as the browser says. */
export const pageLanguage = kept("page-language", /** @type {string} */ (""));
export const theme = kept("theme", /** @type {string} */ ("auto"));
/** Whether the box notices by itself that somebody speaks. */
export const handsFree = kept("hands-free", /** @type {boolean} */ (false));
/** Whether replies are spoken. */
export const aloud = kept("aloud", /** @type {boolean} */ (true));
/** Short name of a voice; empty: the box's, or the assistant's. */
export const voice = kept("voice", /** @type {string} */ (""));
/** A model's or assistant's name. */
export const assistant = kept("assistant", /** @type {string} */ ("default"));
/** That is spoken to the box, as an ISO 639-1 code; empty: it finds out. */
export const spokenLanguage = kept("spoken-language", /** @type {string} */ (""));
/** Whether what goes on under the hood is shown. */
export const developer = kept("developer", /** @type {boolean} */ (false));
