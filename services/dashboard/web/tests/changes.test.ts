import { expect, test } from "vitest";
import { changedFields, changedTwice } from "../src/api/changes";

const begun = { name: "Iris", phone: "+49301", consent: ["email"] as string[], locale: null as string | null };

test("only what was changed in a form is sent, so that what a colleague saves meanwhile stays", () => {
  expect(changedFields(begun, { ...begun, name: "Iris Berg" })).toEqual({ name: "Iris Berg" });
  expect(changedFields(begun, { ...begun, consent: ["email", "sms"], locale: "de" })).toEqual({ consent: ["email", "sms"], locale: "de" });
  expect(changedFields(begun, { ...begun, consent: ["email"] })).toEqual({});
});

test("what was changed here and elsewhere is known, unless both have changed it to the same", () => {
  const now = { ...begun, phone: "+49302", name: "Iris B." };
  expect(changedTwice(begun, { ...begun, phone: "+49303" }, now)).toEqual(["phone"]);
  expect(changedTwice(begun, { ...begun, phone: "+49302", locale: "de" }, now)).toEqual([]);
});
