import { expect, test } from "vitest";
import { type Group, commandOf, fits, fitting } from "../src/command/groups";

const contains = (text: string, word: string) => text.toLowerCase().includes(word.toLowerCase());
const command = (id: string, name: string) => ({ id, name, run: () => undefined });
const GROUPS: readonly Group[] = [
  { id: "do", name: "Do", commands: [command("new", "New appointment")] },
  { id: "places", name: "Go to", commands: [command("/reports/no-shows", "Reports: No-shows"), command("/clients", "Clients")] },
];
const shown = (typed: string) => fitting(GROUPS, typed, contains).map((group) => [group.id, ...group.commands.map((item) => item.id)]);

test("words may be parts, and stand in any order", () => {
  expect(fits("Reports: No-shows", "show rep", contains)).toBe(true);
  expect(fits("Reports: No-shows", "  show   rep ", contains)).toBe(true);
  expect(fits("Reports: No-shows", "show client", contains)).toBe(false);
});

test("a group of which nothing fits is left out", () => {
  expect(shown("clients")).toEqual([["places", "/clients"]]);
  expect(shown("zebra")).toEqual([]);
});

test("before anything is typed everything is there", () => {
  expect(shown("")).toEqual([["do", "new"], ["places", "/reports/no-shows", "/clients"]]);
});

test("a command is found by its id, whatever group it stands in", () => {
  expect(commandOf(GROUPS, "/clients")?.name).toBe("Clients");
  expect(commandOf(GROUPS, "/nowhere")).toBeUndefined();
});
