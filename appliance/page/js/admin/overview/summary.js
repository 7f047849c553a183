// Whether all is well, in a sentence, and the few figures beside it.

import { html } from "../../view.js";
import { moment, number, span, t } from "../../words.js";
import { lasting } from "../lasting.js";
import { named } from "../named.js";
import { verdict } from "./verdict.js";

/** @param {import("./verdict.js").Complaint} complaint */
function words({ what, name = "", detail = "" }) {
  const prefix =
    what === "disk" ? "admin.overview.disk" : what === "unseen" ? "admin.overview.source" : "admin.overview.role";
  return t(`admin.overview.complaint_${what}`, {
    name: named(prefix, name),
    detail: detail === what ? "" : detail,
  }).trim();
}

/** @param {{status: any}} props */
export function Summary({ status }) {
  const { mood, grave, slight } = verdict(status);
  const { spoken, speaking, documents_waiting: waiting } = status;
  return html`<section class=${`card summary ${mood}`} aria-labelledby="summary">
    <div role="status">
      <h2 id="summary">${t(`admin.overview.mood_${mood}`)}</h2>
      ${grave.length > 0 && html`<ul class="wrong">${grave.map((each) => html`<li key=${each.what + each.name}>${words(each)}</li>`)}</ul>`}
      ${slight.length > 0 && html`<ul class="warn">${slight.map((each) => html`<li key=${each.what + each.name}>${words(each)}</li>`)}</ul>`}
    </div>
    <dl class="figures">
      <div><dt>${t("admin.overview.version")}</dt><dd>${status.version}</dd></div>
      ${status.uptime_seconds !== null && html`<div><dt>${t("admin.overview.uptime")}</dt><dd>${lasting(status.uptime_seconds)}</dd></div>`}
      <div><dt>${t("admin.overview.speaking")}</dt><dd>${t("admin.overview.room", { count: speaking.live + speaking.turns, most: speaking.most })}</dd></div>
      <div><dt>${t("admin.overview.documents_waiting")}</dt><dd>${waiting === null ? "–" : number(waiting)}</dd></div>
      <div><dt>${t("admin.overview.spoken")}</dt><dd>${
        spoken
          ? html`<span class=${{ ok: "good", busy: "quiet" }[/** @type {string} */ (spoken.outcome)] ?? "wrong"}>${named("admin.overview.spoken", spoken.outcome)}</span>,
          ${" "}${moment(spoken.at)}, ${span(spoken.seconds * 1000)}`
          : t("admin.overview.spoken_never")
      }</dd></div>
    </dl>
  </section>`;
}
