// All conversations, those used last first, and a search in them.

import { Icon } from "../icons.js";
import { Link } from "../place.js";
import { said } from "../sign_in.js";
import { html, useEffect, useRef, useState } from "../view.js";
import { day, moment, t } from "../words.js";
import { byDay } from "./days.js";
import { placeOf, titleOf } from "./listed.js";
import { Manage } from "./manage.js";
import { usePages } from "./pages.js";
import { marked } from "./snippet.js";

const PAGE = 20;
/** Characters of a search that the box takes. */
const MOST_QUERY = 200;
const PAUSE_MS = 300;

/** @typedef {import("./listed.js").Listed} Listed */

/** @param {{left: import("./page.js").Left, leave: (changed: Partial<import("./page.js").Left>) => void}} props */
export function Conversations({ left, leave }) {
  const { query } = left;
  const search = query ? `&query=${encodeURIComponent(query)}` : "";
  const pages = usePages(`/v1/conversations?limit=${PAGE}${search}`);
  const [managed, setManaged] = useState(/** @type {Listed | null} */ (null));
  const title = useRef(/** @type {HTMLElement | null} */ (null));
  const list = useRef(/** @type {HTMLElement | null} */ (null));
  const first = pages.data.length === 0 && pages.busy;

  // Whoever comes back from a conversation is where they were; if it is gone, at the beginning.
  useEffect(() => {
    if (first || !left.from) return;
    const link = list.current?.querySelector(`[data-id="${CSS.escape(left.from)}"] a`);
    /** @type {HTMLElement | null} */ (link ?? title.current)?.focus();
    leave({ from: "" });
  }, [first]);

  const more = async () => {
    const count = pages.data.length;
    await pages.next();
    const link = list.current?.querySelectorAll("li a")[count];
    if (link) /** @type {HTMLElement} */ (link).focus();
  };
  const ended = (/** @type {import("./manage.js").Outcome} */ outcome) => {
    const one = managed;
    setManaged(null);
    if (!one || !outcome) return;
    if (outcome === "deleted") {
      pages.change((data) => data.filter((each) => each.id !== one.id));
      leave({ told: t("history.deleted", { title: titleOf(one) }) });
      title.current?.focus();
    } else pages.change((data) => data.map((each) => (each.id === one.id ? { ...each, title: outcome.title } : each)));
  };
  return html`<section class="history">
    <h1 ref=${title} tabindex="-1">${t("nav.history")}</h1>
    <${Search} query=${query} seek=${(/** @type {string} */ words) => leave({ query: words, told: "" })} />
    <p role="status" class="quiet small">${first ? t("history.loading") : left.told || found(query, pages)}</p>
    <div role="alert">${pages.error && html`<p class="notice wrong">${said(pages.error)}</p>`}</div>
    <div ref=${list}>
      ${byDay(pages.data, (one) => day(one.updated_at)).map(
        (group) => html`<section key=${group.day} class="card"><h2>${group.day}</h2><ul>
          ${group.things.map((one) => html`<${Row} key=${one.id} one=${one} manage=${() => setManaged(one)} />`)}
        </ul></section>`,
      )}
    </div>
    ${!pages.busy && !pages.error && !pages.data.length && html`<${Nothing} query=${query} />`}
    ${
      (pages.more || (pages.error !== null && !pages.busy)) &&
      html`<p class="more"><button onClick=${more} disabled=${pages.busy}>${t(pages.error ? "history.again" : "history.more")}</button></p>`
    }
    ${managed && html`<${Manage} one=${managed} task="all" end=${ended} />`}
  </section>`;
}

/** How many were found, for those who do not see it. @param {string} query @param {import("./pages.js").Pages} pages */
function found(query, pages) {
  if (!query || pages.error || !pages.data.length) return "";
  return pages.more
    ? t("history.found_more", { most: pages.data.length })
    : t("history.found", { count: pages.data.length });
}

/** What is typed is searched as soon as the typing pauses. @param {{query: string, seek: (words: string) => void}} props */
function Search({ query, seek }) {
  const [typed, setTyped] = useState(query);
  useEffect(() => {
    const words = typed.trim();
    if (words === query) return undefined;
    const timer = setTimeout(() => seek(words), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const submit = (/** @type {Event} */ event) => {
    event.preventDefault();
    seek(typed.trim());
  };
  const write = (/** @type {InputEvent} */ event) => {
    setTyped(/** @type {HTMLInputElement} */ (event.currentTarget).value);
  };
  return html`<form role="search" class="search" onSubmit=${submit}>
    <label class="hidden" for="history-search">${t("history.search")}</label>
    <${Icon} name="search" />
    <input id="history-search" type="search" maxlength=${MOST_QUERY} autocomplete="off" placeholder=${t("history.search")}
      value=${typed} onInput=${write} />
  </form>`;
}

/** @param {{one: Listed, manage: () => void}} props */
function Row({ one, manage }) {
  const name = titleOf(one);
  const at = moment(one.updated_at, { timeStyle: "short" });
  return html`<li data-id=${one.id}>
    <${Link} to=${placeOf(one.id)}>
      <span class="title">${name}</span><time class="quiet small" datetime=${new Date(one.updated_at * 1000).toISOString()}>${at}</time>
      ${
        one.snippet &&
        html`<span class="snippet quiet small">${marked(one.snippet.text, one.snippet.matches).map((piece) =>
          piece.found ? html`<mark>${piece.text}</mark>` : piece.text,
        )}</span>`
      }
    <//>
    <button class="plain round" onClick=${manage} aria-haspopup="dialog" aria-label=${t("history.manage", { title: name })}>
      <span aria-hidden="true">⋯</span></button>
  </li>`;
}

/** @param {{query: string}} props */
function Nothing({ query }) {
  if (query) {
    return html`<div class="card"><p>${t("history.none_found", { query })}</p><p class="quiet">${t("history.none_found_help")}</p></div>`;
  }
  return html`<div class="card"><p>${t("history.empty")}</p><p class="quiet">${t("history.empty_help")}</p>
    <p><${Link} to="/" class="button"><${Icon} name="talk" />${t("nav.talk")}<//></p></div>`;
}
