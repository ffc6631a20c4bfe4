import { expect, test } from "vitest";
import { choose, columnsOf, NOT } from "../src/imports/columns";

const headers = ["Who", "Tel", "When", "Remark"];
const guessed = { client_name: "Who", starts_at: "When" };

test("what was chosen of a file's columns stands when the file is read in another way", () => {
  const chosen = choose(choose({}, "Tel", "phone"), "Remark", "notes");
  expect(columnsOf(guessed, chosen, headers)).toEqual({ client_name: "Who", starts_at: "When", phone: "Tel", notes: "Remark" });
  const anew = { client_name: "Who", date: "When" };
  expect(columnsOf(anew, chosen, ["Who", "Tel", "When", "Bemerkung"])).toEqual({ client_name: "Who", date: "When", phone: "Tel" });
});

test("a field is that of the column it was chosen for last, and a column can be left aside", () => {
  expect(columnsOf(guessed, choose({}, "Tel", "client_name"), headers)).toEqual({ client_name: "Tel", starts_at: "When" });
  expect(columnsOf(guessed, choose(choose({}, "Tel", "phone"), "Remark", "phone"), headers)).toEqual({ client_name: "Who", starts_at: "When", phone: "Remark" });
  expect(columnsOf(guessed, choose({}, "When", NOT), headers)).toEqual({ client_name: "Who" });
});
