// The server's log as it is written, newest last.

import { html, useEffect, useRef, useState } from "../view.js";
import { number, t } from "../words.js";
import { LogLine } from "./logs/line.js";
import { MOST, withWords } from "./logs/lines.js";
import { useTail } from "./logs/tail.js";
import { Told } from "./told.js";

const LEVELS = ["debug", "info", "warning", "error", "critical"];

export function Logs() {
  const [level, setLevel] = useState("info");
  const [words, setWords] = useState("");
  const [paused, setPaused] = useState(false);
  const { tail, error, again } = useTail(level, paused);
  const shown = withWords(tail.lines, words);
  const chosen = (/** @type {Event} */ event) => setLevel(/** @type {HTMLSelectElement} */ (event.currentTarget).value);
  const written = (/** @type {Event} */ event) => setWords(/** @type {HTMLInputElement} */ (event.currentTarget).value);
  return html`<section class="card log-card" aria-label=${t("admin.logs")}>
    <div class="log-filter">
      <div><label for="log-level">${t("admin.logs.level")}</label>
        <select id="log-level" value=${level} onChange=${chosen}>
          ${LEVELS.map((each) => html`<option key=${each} value=${each} selected=${each === level}>${t(`admin.logs.level_${each}`)}</option>`)}
        </select></div>
      <div><label for="log-words">${t("admin.logs.words")}</label>
        <input id="log-words" type="search" value=${words} onInput=${written} autocomplete="off" spellcheck=${false} /></div>
      <button aria-pressed=${paused ? "true" : "false"} onClick=${() => setPaused(!paused)}>${t(paused ? "admin.logs.go_on" : "admin.logs.pause")}</button>
    </div>
    <${Told} door=${{ data: tail.next === null ? null : tail, error, again }} />
    ${tail.next !== null && html`<${Lines} lines=${shown} filtered=${words.trim() !== ""} />`}
    ${
      tail.next !== null &&
      html`<p class="quiet small log-count">${t("admin.logs.count", { shown: number(shown.length), all: number(tail.lines.length), most: number(MOST) })}
      ${paused && html` <span class="warn">${t("admin.logs.paused")}</span>`}</p>`
    }
  </section>`;
}

/** They stay at their end unless the reader has gone up. @param {{lines: import("./logs/lines.js").Line[], filtered: boolean}} props */
function Lines({ lines, filtered }) {
  const box = useRef(/** @type {HTMLElement | null} */ (null));
  const [follows, setFollows] = useState(true);
  const last = lines.at(-1)?.key;
  const end = () => box.current?.scrollTo(0, box.current.scrollHeight);
  useEffect(() => {
    if (follows) end();
  }, [last, lines.length, follows]);
  const scrolled = () => {
    const it = box.current;
    if (it) setFollows(it.scrollHeight - it.scrollTop - it.clientHeight < 40);
  };
  const follow = () => {
    setFollows(true);
    end();
    box.current?.focus();
  };
  if (!lines.length) return html`<p class="quiet">${t(filtered ? "admin.logs.none_found" : "admin.logs.none")}</p>`;
  return html`<div class="log-lines">
    <div class="log" ref=${box} onScroll=${scrolled} tabindex="0" role="log" aria-live="off" aria-label=${t("admin.logs.lines")}>
      <ol>${lines.map((line) => html`<${LogLine} key=${line.key} line=${line} />`)}</ol>
    </div>
    ${!follows && html`<button class="small log-end" onClick=${follow}>${t("admin.logs.to_end")}</button>`}
  </div>`;
}
