import { expect, test } from "vitest";
import { NONE, type Selection, areAllErased, drawn, toggled } from "../src/appointments/selection";

const ORDER = ["a", "b", "c", "d", "e"];
const of = (selection: Selection) => [...selection.ids].sort().join("");

test("a range by keys grows and is taken back with the row that is gone to", () => {
  let selection = drawn(NONE, "b", "c", ORDER);
  expect(of(selection)).toBe("bc");
  selection = drawn(selection, "c", "d", ORDER);
  expect(of(selection)).toBe("bcd");
  selection = drawn(selection, "d", "c", ORDER);
  expect(of(selection)).toBe("bc");
  selection = drawn(drawn(selection, "c", "b", ORDER), "b", "a", ORDER);
  expect(of(selection)).toBe("ab");
});

test("what was selected before a range stays, also where the range goes over it and back", () => {
  const before = toggled(NONE, "d", false, ORDER);
  const over = drawn(drawn(drawn(before, "b", "c", ORDER), "c", "d", ORDER), "d", "e", ORDER);
  expect(of(over)).toBe("bcde");
  expect(of(drawn(over, "e", "b", ORDER))).toBe("bd");
});

test("a range begins anew once a row was selected otherwise", () => {
  const first = drawn(NONE, "a", "b", ORDER);
  const single = toggled(first, "e", false, ORDER);
  expect(of(drawn(single, "d", "c", ORDER))).toBe("abcde");
});

test("with Shift all from the row selected last are selected, upwards too", () => {
  expect(of(toggled(toggled(NONE, "d", false, ORDER), "b", true, ORDER))).toBe("bcd");
});

test("a range that is left begins anew where it is gone on with", () => {
  const left = drawn(NONE, "a", "b", ORDER);
  const other = drawn(left, "d", "e", ORDER);
  expect(of(other)).toBe("abde");
  expect(of(drawn(other, "e", "d", ORDER))).toBe("abd");
});

test("a row that is no longer shown begins no range", () => {
  expect(of(drawn(NONE, "gone", "c", ORDER))).toBe("c");
  expect(of(toggled({ ...NONE, last: "gone" }, "c", true, ORDER))).toBe("c");
});

test("what is selected is erased clients' alone where all of it is shown, and without a name", () => {
  const rows = ["a", "b", "c"].map((id) => ({ id, client: { name: id === "c" ? "Ada" : "" } }));
  const selected = (...ids: string[]): Selection => ({ ids: new Set(ids), all: null });
  expect(areAllErased(selected("a", "b"), rows)).toBe(true);
  expect(areAllErased(selected("a", "c"), rows)).toBe(false);
  expect(areAllErased(selected("a", "elsewhere"), rows)).toBe(false);
  expect(areAllErased(NONE, rows)).toBe(false);
});
