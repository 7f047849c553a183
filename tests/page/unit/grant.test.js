import assert from "node:assert/strict";
import { test } from "node:test";
import { GRANTABLE, grant, USUAL } from "../../../appliance/page/js/admin/keys/grant.js";

const FORM = { name: "kitchen", user: "", role: /** @type {const} */ ("user"), days: "", limits: {} };

test("what is usual for the role is not named, and empty fields are left out", () => {
  assert.deepEqual(grant({ ...FORM, scopes: USUAL.user.toReversed() }), { name: "kitchen", role: "user", scopes: [] });
});

test("other scopes are named, in the box's order, and numbers are numbers", () => {
  const limits = { tokens_day: "0", sessions: "2", requests_minute: "" };
  assert.deepEqual(grant({ ...FORM, user: "ann", scopes: ["metrics", "voice"], days: "30", limits }), {
    name: "kitchen",
    user: "ann",
    role: "user",
    scopes: ["voice", "metrics"],
    expires_in_days: 30,
    limits: { tokens_day: 0, sessions: 2 },
  });
});

test("more than the usual is named, and nothing that the role may not have", () => {
  assert.deepEqual(grant({ ...FORM, scopes: [...GRANTABLE.user, "admin"] }).scopes, GRANTABLE.user);
});
