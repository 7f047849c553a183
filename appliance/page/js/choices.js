// What the reader may choose: who answers, with which voice, in which language, and how the page looks.

import { ask } from "./http.js";
import { Icon } from "./icons.js";
import * as kept from "./kept.js";
import { html, signal, useEffect, useRef, useState, useValue } from "./view.js";
import { who } from "./who.js";
import { language, languages, speak, t } from "./words.js";

/** Whisper's languages that people are likely to choose; the box finds the others out by itself. */
export const SPOKEN = [
  "en",
  "de",
  "fr",
  "es",
  "it",
  "pt",
  "nl",
  "pl",
  "cs",
  "sv",
  "da",
  "fi",
  "tr",
  "ru",
  "uk",
  "ar",
  "hi",
  "zh",
  "ja",
  "ko",
];

/** Names that the box answers to. */
const models = signal(
  /** @type {{id: string, role: string, alias_of: string | null, voices: string[], languages: string[], owned_by: string}[]} */ ([]),
);

async function load() {
  try {
    models.value = (await ask("GET", "/v1/models")).data;
  } catch {
    // The names that were known stay, and what was chosen can always be seen.
  }
}

export function Choices() {
  const dialog = useRef(/** @type {HTMLDialogElement | null} */ (null));
  const open = () => {
    load();
    dialog.current?.showModal();
  };
  return html`<button class="plain round" onClick=${open} aria-label=${t("choices.open")} title=${t("choices.open")}>
      <${Icon} name="settings" /></button>
    <dialog ref=${dialog} class="choices" aria-labelledby="choices-title"
      onClick=${(/** @type {MouseEvent} */ event) => event.target === dialog.current && dialog.current?.close()}>
      <${Form} close=${() => dialog.current?.close()} />
    </dialog>`;
}

/** @param {{close: () => void}} props */
function Form({ close }) {
  const all = useValue(models);
  const shown = useValue(language);
  const [outdated, setOutdated] = useState(false);
  useEffect(() => void load(), []);
  const read = (/** @type {string} */ tag) =>
    speak(tag).then(
      () => setOutdated(false),
      () => setOutdated(true),
    );
  const voices = [
    ...new Set(all.filter((each) => each.role === "tts" && !each.alias_of).flatMap((each) => each.voices)),
  ];
  const assistants = all.filter((each) => each.role === "llm" && each.owned_by !== "appliance").map((each) => each.id);
  const spoken = new Intl.DisplayNames(shown, { type: "language" });
  const of = (/** @type {string} */ tag) => new Intl.DisplayNames(tag, { type: "language" }).of(tag) ?? tag;
  return html`<div class="card">
    <header><h2 id="choices-title">${t("choices.title")}</h2>
      <button class="plain round" onClick=${close} aria-label=${t("close")}><${Icon} name="close" /></button></header>
    <${Choice} name="assistant" choice=${kept.assistant}
      options=${[["default", t("choices.assistant_none")], ...assistants.map((name) => [name, name])]} />
    <${Choice} name="voice" choice=${kept.voice}
      options=${[["", t("choices.voice_usual")], ...voices.map((name) => [name, name])]} />
    <${Choice} name="spoken" choice=${kept.spokenLanguage}
      options=${[["", t("choices.spoken_any")], ...SPOKEN.map((tag) => [tag, spoken.of(tag) ?? tag])]} />
    <${Switch} name="aloud" choice=${kept.aloud} />
    <hr />
    <${Choice} name="page_language" choice=${kept.pageLanguage} chosen=${shown} after=${read}
      options=${languages.map((tag) => [tag, of(tag)])} />
    <p role="alert" class="wrong small">${outdated ? t("outdated") : ""}</p>
    <${Choice} name="theme" choice=${kept.theme} options=${["auto", "light", "dark"].map((each) => [each, t(`choices.theme_${each}`)])} />
    <${Switch} name="developer" choice=${kept.developer} />
    <${Account} />
  </div>`;
}

/**
 * @param {{name: string, choice: import("../vendor/signals.js").Signal<string>, options: [string, string][],
 *     chosen?: string, after?: (value: string) => unknown}} props
 */
function Choice({ name, choice, options, chosen, after }) {
  const value = useValue(choice);
  const now = chosen ?? value;
  /** What was chosen answers even while the box's names are not known, or where it is not among them any more. */
  const all = options.some(([key]) => key === now) ? options : [...options, [now, now]];
  const change = (/** @type {Event} */ event) => {
    choice.value = /** @type {HTMLSelectElement} */ (event.currentTarget).value;
    after?.(choice.value);
  };
  return html`<label class="row"><span>${t(`choices.${name}`)}</span>
    <select onChange=${change} value=${now}>
      ${all.map(([key, words]) => html`<option key=${key} value=${key} selected=${key === now}>${words}</option>`)}
    </select></label>`;
}

/** @param {{name: string, choice: import("../vendor/signals.js").Signal<boolean>}} props */
export function Switch({ name, choice }) {
  const on = useValue(choice);
  return html`<label class="row"><span>${t(`choices.${name}`)}</span>
    <input type="checkbox" role="switch" checked=${on} onChange=${() => {
      choice.value = !on;
    }} /></label>`;
}

function Account() {
  const someone = useValue(who);
  if (!someone?.signed_in) return null;
  const leave = async () => {
    await ask("DELETE", "/v1/session").catch(() => {});
    who.value = null;
  };
  return html`<div class="row"><span>${t("choices.signed_in", { user: someone.user })}</span>
    <button onClick=${leave}>${t("choices.leave")}</button></div>`;
}
