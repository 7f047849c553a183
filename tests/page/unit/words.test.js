import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

const PAGE = new URL("../../../appliance/page/", import.meta.url);
const files = readdirSync(new URL("words/", PAGE));
/** @param {string} name @returns {Record<string, string>} */
const read = (name) => JSON.parse(readFileSync(new URL(`words/${name}`, PAGE), "utf8"));
const english = read("en.json");

/** All of the page's own modules. @returns {string[]} */
function sources() {
  const names = /** @type {string[]} */ (readdirSync(new URL("js/", PAGE), { recursive: true }));
  return names.filter((name) => name.endsWith(".js")).map((name) => readFileSync(new URL(`js/${name}`, PAGE), "utf8"));
}

for (const name of files) {
  test(`${name} has the same words, with the same values in them`, () => {
    const words = read(name);
    assert.deepEqual(Object.keys(words).sort(), Object.keys(english).sort());
    for (const [key, text] of Object.entries(words)) {
      const values = (/** @type {string} */ each) => (each.match(/\{\w+\}/g) ?? []).sort();
      assert.deepEqual(values(text), values(/** @type {string} */ (english[key])), key);
      assert.ok(text.trim(), key);
    }
  });
}

test("every key that the page asks for is there", () => {
  const asked = sources().flatMap((text) => [...text.matchAll(/\bt\(\s*"([\w.]+)"/g)].map((found) => found[1] ?? ""));
  assert.ok(asked.length > 40);
  for (const key of asked) assert.ok(key in english || `${key}_other` in english, key);
});

test("every word is asked for", () => {
  const all = sources().join("\n");
  const begins = [...all.matchAll(/`([a-z_]+(?:\.[a-z_]+)*[._])\$\{/g)].map((found) => found[1] ?? "");
  for (const key of Object.keys(english)) {
    const plain = key.replace(/_(one|other)$/, "");
    assert.ok(
      all.includes(`"${key}"`) || all.includes(`"${plain}"`) || begins.some((begin) => key.startsWith(begin)),
      key,
    );
  }
});
