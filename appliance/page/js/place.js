// Where the page is: the folder of its files, and the address that it shows.

import { html, signal } from "./view.js";

/** The folder of the page's files, which is another one with every release. */
export const base = document.querySelector('meta[name="page"]')?.getAttribute("content") ?? "/";

/** The path that is shown. */
export const path = signal(location.pathname);

addEventListener("popstate", () => {
  path.value = location.pathname;
});

/**
 * Show another path.
 * @param {string} to
 * @param {{replace?: boolean}} [how]
 */
export function go(to, how = {}) {
  if (to !== location.pathname) history[how.replace ? "replaceState" : "pushState"](null, "", to);
  path.value = to;
  scrollTo(0, 0);
}

/**
 * A link that the page follows by itself, unless a new tab or the like was asked for.
 * @param {{to: string, class?: string, current?: boolean, label?: string, children?: unknown}} props
 */
export function Link(props) {
  const follow = (/** @type {MouseEvent} */ event) => {
    if (event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(props.to);
  };
  const current = props.current ? "page" : undefined;
  return html`<a href=${props.to} class=${props.class} aria-current=${current} aria-label=${props.label}
    onClick=${follow}>${props.children}</a>`;
}
