import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { normalisedSms, smsSize } from "../src/messages/sms";

type Row = { typed: string; sent: string; encoding: string; units: number; segments: number };
const rows: Row[] = JSON.parse(readFileSync(new URL("../../../notifications/tests/sms_sizes.json", import.meta.url), "utf8"));

test.each(rows)("$typed is counted as notifications sends it", ({ typed, ...sent }) => {
  const text = normalisedSms(typed);
  const { encoding, units, segments } = smsSize(text);
  expect({ sent: text, encoding, units, segments }).toEqual(sent);
});

test("what is left is what still fits before another part is paid for", () => {
  expect(smsSize("a".repeat(159)).left).toBe(1);
  expect(smsSize("a".repeat(160)).left).toBe(0);
  expect(smsSize("a".repeat(161)).left).toBe(153 - 8);
  // The sign of two units did not fit into the first part, and begins the second.
  expect(smsSize(`${"a".repeat(152)}€${"a".repeat(10)}`).left).toBe(153 - 12);
  for (const text of ["a".repeat(161), "ł".repeat(71), `${"a".repeat(66)}😀${"a".repeat(20)}`]) {
    const { left, segments } = smsSize(text);
    const sign = smsSize(text).encoding === "GSM-7" ? "b" : "ł";
    expect(smsSize(text + sign.repeat(left)).segments).toBe(segments);
    expect(smsSize(text + sign.repeat(left + 1)).segments).toBe(segments + 1);
  }
});
