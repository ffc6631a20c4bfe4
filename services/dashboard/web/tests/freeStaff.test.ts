import { expect, test } from "vitest";
import { freeStaffOf } from "../src/appointments/freeStaff";

const TEAM = ["Dr. Ada Haddad", "Bea Ito", "Cleo Conti", "Dan Weiss"].map((name, index) => ({ id: String(index), name }));

test("of who is free at a time two are named, and the others counted", () => {
  expect(freeStaffOf(["1", "0", "3"], TEAM)).toEqual({ names: ["Dr. Ada Haddad", "Bea Ito", "Dan Weiss"], short: "Ada, Bea +1" });
});

test("everybody needs no names", () => expect(freeStaffOf(["0", "1", "2", "3"], TEAM).short).toBeNull());

test("people of one first name are told apart, and rooms are nobody", () => {
  const two = [...TEAM, { id: "4", name: "Bea Otto" }];
  expect(freeStaffOf(["1", "room"], two).short).toBe("Bea Ito");
});
