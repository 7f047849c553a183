// A form that makes a key.

import { ask } from "../../http.js";
import { said } from "../../sign_in.js";
import { html, useState } from "../../view.js";
import { t } from "../../words.js";
import { GRANTABLE, grant, LIMITS, USUAL } from "./grant.js";

/** @param {{made: (key: any) => void}} props */
export function NewKey({ made }) {
  const [role, setRole] = useState(/** @type {import("./grant.js").Role} */ ("user"));
  const [scopes, setScopes] = useState(USUAL.user);
  const [wrong, setWrong] = useState({ text: /** @type {unknown} */ (""), at: "" });
  const [busy, setBusy] = useState(false);
  const choose = (/** @type {Event} */ event) => {
    const chosen = /** @type {import("./grant.js").Role} */ (
      /** @type {HTMLSelectElement} */ (event.currentTarget).value
    );
    setRole(chosen);
    setScopes(USUAL[chosen]);
  };
  const make = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const form = /** @type {HTMLFormElement} */ (event.currentTarget);
    const text = (/** @type {string} */ name) => String(new FormData(form).get(name) ?? "").trim();
    const slashed = ["name", "user"].find((name) => text(name).includes("/"));
    if (slashed) {
      setWrong({ text: t("admin.keys.slash", { field: t(`admin.keys.${slashed}`) }), at: slashed });
      return;
    }
    if (!scopes.length) {
      setWrong({ text: t("admin.keys.no_scope"), at: "scopes" });
      return;
    }
    const limits = Object.fromEntries(LIMITS.map((limit) => [limit, text(limit)]));
    setBusy(true);
    setWrong({ text: "", at: "" });
    try {
      const body = grant({ name: text("name"), user: text("user"), role, scopes, days: text("days"), limits });
      made(await ask("POST", "/v1/admin/keys", body));
      form.reset();
      setRole("user");
      setScopes(USUAL.user);
    } catch (error) {
      const at = /** @type {{param?: string | null}} */ (error).param ?? "";
      setWrong({ text: said(error), at });
    } finally {
      setBusy(false);
    }
  };
  const invalid = (/** @type {string} */ name) =>
    wrong.at === name || wrong.at.startsWith(`${name}[`) ? "true" : undefined;
  return html`<form class="card fields new-key" onSubmit=${make} aria-labelledby="new-key">
    <h2 id="new-key">${t("admin.keys.new")}</h2>
    <div class="columns">
      <${Field} name="name" invalid=${invalid("name")} required maxlength="64" help />
      <${Field} name="user" invalid=${invalid("user")} maxlength="64" help />
      <div><label for="key-role">${t("admin.keys.role")}</label>
        <select id="key-role" value=${role} onChange=${choose}>
          ${["user", "admin"].map((each) => html`<option key=${each} value=${each}>${t(`admin.keys.role_${each}`)}</option>`)}
        </select></div>
      <${Field} name="days" type="number" min="1" max="36500" invalid=${invalid("expires_in_days")} help />
    </div>
    <fieldset aria-describedby=${wrong.at.startsWith("scopes") ? "new-key-wrong" : undefined}>
      <legend>${t("admin.keys.scopes")}</legend>
      ${GRANTABLE[role].map(
        (scope) => html`<label key=${scope} class="tick"><input type="checkbox" checked=${scopes.includes(scope)}
          onChange=${() => setScopes(scopes.includes(scope) ? scopes.filter((each) => each !== scope) : [...scopes, scope])} />
          <span>${t(`admin.keys.scope_${scope}`)} <code class="quiet">${scope}</code></span></label>`,
      )}
    </fieldset>
    <details><summary>${t("admin.keys.limits")}</summary>
      <p class="quiet small">${t("admin.keys.limits_help")}</p>
      <div class="columns">
        ${LIMITS.map((limit) => html`<${Field} key=${limit} name=${limit} type="number" min="0" max="1000000000000" invalid=${invalid(`limits.${limit}`)} />`)}
      </div>
    </details>
    <p role="alert" id="new-key-wrong" class="wrong">${wrong.text}</p>
    <div class="actions"><button class="primary" disabled=${busy}>${t("admin.keys.make")}</button></div>
  </form>`;
}

/** @param {{name: string, invalid?: string, help?: boolean, [attribute: string]: any}} props */
function Field({ name, invalid, help, ...more }) {
  return html`<div><label for=${`key-${name}`}>${t(`admin.keys.${name}`)}</label>
    <input id=${`key-${name}`} name=${name} autocomplete="off" aria-invalid=${invalid}
      aria-describedby=${help ? `key-${name}-help` : undefined} ...${more} />
    ${help && html`<p id=${`key-${name}-help`} class="quiet small">${t(`admin.keys.${name}_help`)}</p>`}</div>`;
}
