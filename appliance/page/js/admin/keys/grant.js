// What a new key may be good for, and the question that makes one.

/** As the box has them, by the role of the key. */
export const USUAL = {
  user: ["audio", "text", "voice", "history", "knowledge"],
  admin: ["audio", "text", "voice", "history", "knowledge", "metrics", "admin"],
};
export const GRANTABLE = { user: [...USUAL.user, "metrics"], admin: USUAL.admin };
export const LIMITS = [
  "requests_minute",
  "requests_at_once",
  "sessions",
  "audio_seconds_day",
  "tokens_day",
  "documents_day",
];

/** @typedef {"user" | "admin"} Role */

/**
 * The body of `POST /v1/admin/keys`. All that is usual is not named, so that the key goes on with what becomes usual.
 * @param {{name: string, user: string, role: Role, scopes: readonly string[], days: string, limits: Record<string, string>}} form
 */
export function grant({ name, user, role, scopes, days, limits }) {
  const usual = scopes.length === USUAL[role].length && USUAL[role].every((scope) => scopes.includes(scope));
  const given = Object.entries(limits).filter(([, most]) => most !== "");
  return {
    name,
    ...(user && { user }),
    role,
    scopes: usual ? [] : GRANTABLE[role].filter((scope) => scopes.includes(scope)),
    ...(days !== "" && { expires_in_days: Number(days) }),
    ...(given.length > 0 && { limits: Object.fromEntries(given.map(([limit, most]) => [limit, Number(most)])) }),
  };
}
