// The same question as a command for a shell.

/** A word as a shell takes it whole. @param {string} word */
export function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * @param {string} path
 * @param {{body?: unknown, origin?: string}} [more]
 */
export function curl(path, { body, origin = location.origin } = {}) {
  const command = ["curl", "-s", quoted(origin + path), "-H", '"Authorization: Bearer $APPLIANCE_KEY"'];
  if (body !== undefined) command.push("--json", quoted(JSON.stringify(body)));
  return command.join(" ");
}
