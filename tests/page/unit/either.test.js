import assert from "node:assert/strict";
import { test } from "node:test";
import { either } from "../../../appliance/page/js/either.js";

for (const [name, native] of /** @type {const} */ ([
  ["the browser's own", undefined],
  ["without one", null],
])) {
  test(`it ends with the first, for the first's reason: ${name}`, () => {
    const [one, other] = [new AbortController(), new AbortController()];
    const both = either([one.signal, other.signal], native);
    assert.equal(both.aborted, false);
    other.abort("gone");
    one.abort("late");
    assert.deepEqual([both.aborted, both.reason], [true, "gone"]);
  });

  test(`what is over already ends it at once: ${name}`, () => {
    const both = either([new AbortController().signal, AbortSignal.abort("before")], native);
    assert.deepEqual([both.aborted, both.reason], [true, "before"]);
  });
}
