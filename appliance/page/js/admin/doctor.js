// What is wrong with the box, and what to do.

import { Icon } from "../icons.js";
import { said } from "../sign_in.js";
import { html, useEffect, useState, useValue } from "../view.js";
import { moment, t } from "../words.js";
import { Checks } from "./doctor/checks.js";
import { examination, examine, stop } from "./doctor/examination.js";
import { lasting } from "./lasting.js";

export function Doctor() {
  const { since, page, error } = useValue(examination);
  return html`
    <section class="card" aria-labelledby="doctor-calls">
      <h2 id="doctor-calls">${t("admin.doctor.title")}</h2>
      <p class="quiet">${t("admin.doctor.help")}</p>
      <div class="actions">
        <button class="primary" onClick=${examine} aria-disabled=${since === null ? undefined : "true"}>${t(page ? "admin.doctor.again" : "admin.doctor.call")}</button>
        ${since !== null && html`<button onClick=${stop}>${t("admin.doctor.stop")}</button>`}
      </div>
      <div role="status">${since === null ? page && html`<span class="hidden">${summary(page)}</span>` : html`<p class="looks">${t("admin.doctor.looks")}</p>`}</div>
      ${since !== null && html`<${Elapsed} since=${since} />`}
      <div role="alert">${error && html`<p class="notice wrong">${/** @type {{code?: string}} */ (error).code === "overloaded" ? t("admin.doctor.busy") : said(error)}</p>`}</div>
    </section>
    ${page && html`<${Page} page=${page} />`}`;
}

/** @param {import("./doctor/examination.js").Page} page */
function summary(page) {
  const many = (/** @type {string} */ outcome) => page.checks.filter((check) => check.outcome === outcome).length;
  const counts = ["fault", "warning", "note"]
    .filter(many)
    .map((outcome) => t(`admin.doctor.many_${outcome}`, { count: many(outcome) }));
  return [t(`admin.doctor.verdict_${page.outcome}`), counts.join(", ")].filter(Boolean).join(" ");
}

/** @param {{page: import("./doctor/examination.js").Page}} props */
function Page({ page }) {
  const at = Date.parse(page.at) / 1000;
  return html`<section class="card" aria-labelledby="doctor-says">
    <header><h2 id="doctor-says">${summary(page)}</h2>
      <button class="plain" onClick=${() => save(page)}><${Icon} name="download" />${t("admin.doctor.download")}</button></header>
    <p class="quiet small">${t("admin.doctor.at", { at: moment(at), version: page.appliance })}</p>
    <${Checks} checks=${page.checks} />
  </section>`;
}

/** @param {{since: number}} props */
function Elapsed({ since }) {
  const [now, setNow] = useState(performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 1_000);
    return () => clearInterval(timer);
  }, []);
  return html`<div class="elapsed"><progress aria-label=${t("admin.doctor.looks")} />
    <span class="quiet small">${lasting(Math.max(0, now - since) / 1000)}</span></div>`;
}

/** @param {import("./doctor/examination.js").Page} page */
function save(page) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([`${JSON.stringify(page, null, 2)}\n`], { type: "application/json" }));
  link.download = `doctor-${page.at.replaceAll(":", "")}.json`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000); // the browser reads it a moment later
}
