// A conversation as the box lists it, and what it is called.

import { t } from "../words.js";

/**
 * @typedef {{id: string, title: string, created_at: number, updated_at: number,
 *     snippet?: {text: string, matches: [number, number][]}}} Listed
 */

/** @param {Listed} one */
export const titleOf = (one) => one.title || t("history.untitled");

/** A door's path for one conversation. @param {string} id */
export const doorOf = (id) => `/v1/conversations/${encodeURIComponent(id)}`;

/** The page's own. @param {string} id */
export const placeOf = (id) => `/history/${encodeURIComponent(id)}`;
