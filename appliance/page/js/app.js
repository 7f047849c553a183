// The frame: who may not come in yet signs in; everybody else sees a page and the way to the others.

import { Choices } from "./choices.js";
import { Icon } from "./icons.js";
import { later } from "./later.js";
import { Link, path } from "./place.js";
import { SignIn } from "./sign_in.js";
import { TalkPage } from "./talk/page.js";
import { html, useEffect, useValue } from "./view.js";
import { may, who } from "./who.js";
import { language, t } from "./words.js";

const HistoryPage = later(async () => (await import("./history/page.js")).HistoryPage);
const AdminPage = later(async () => (await import("./admin/page.js")).AdminPage);

/** @type {{to: string, icon: string, name: string, scope: string, page: (props: object) => unknown}[]} */
const PAGES = [
  { to: "/", icon: "talk", name: "talk", scope: "voice", page: TalkPage },
  { to: "/history", icon: "history", name: "history", scope: "history", page: HistoryPage },
  { to: "/admin", icon: "admin", name: "admin", scope: "admin", page: AdminPage },
];

export function App() {
  const someone = useValue(who);
  useValue(language);
  if (!someone) return html`<${SignIn} />`;
  return html`<${Frame} />`;
}

function Frame() {
  const at = useValue(path);
  const pages = PAGES.filter((page) => may(page.scope));
  const shown = pages.find((page) => (page.to === "/" ? at === "/" : at === page.to || at.startsWith(`${page.to}/`)));
  const Page = shown?.page ?? Nowhere;
  const title = shown ? `${t(`nav.${shown.name}`)} · ${t("title")}` : t("title");
  useEffect(() => {
    document.title = title;
  }, [title]);
  return html`
    <a class="skip" href="#main">${t("nav.skip")}</a>
    <header class="bar">
      <${Link} to="/" class="brand" label=${t("title")}><${Icon} name="mark" /><//>
      <nav aria-label=${t("nav.label")}>
        ${pages.map(
          (page) => html`<${Link} key=${page.to} to=${page.to} current=${page === shown}>
            <${Icon} name=${page.icon} /><span>${t(`nav.${page.name}`)}</span><//>`,
        )}
      </nav>
      <${Choices} />
    </header>
    <main id="main" tabindex="-1"><${Page} /></main>`;
}

function Nowhere() {
  return html`<section class="card narrow"><h1>${t("nowhere.title")}</h1>
    <p>${t("nowhere.text")}</p><p><${Link} to="/">${t("nav.talk")}<//></p></section>`;
}
