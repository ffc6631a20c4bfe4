import type { InfiniteData } from "@tanstack/react-query";
import { describe, expect, it } from "vitest";
import type { Appointment, Page } from "../src/api/appointments";
import { ANY, patchPages, patchWindow } from "../src/api/patching";

const at = (id: string, hour: number, more: Partial<Appointment> = {}): Appointment =>
  ({
    id,
    version: 1,
    status: "scheduled",
    starts_at: `2026-11-30T${String(hour).padStart(2, "0")}:00:00Z`,
    created_at: "2026-11-01T08:00:00Z",
    updated_at: "2026-11-01T08:00:00Z",
    client: { id: "c", name: "Ann" },
    ...more,
  }) as Appointment;
const told = (...ids: string[]) => new Map(ids.map((id) => [id, 2]));
const answers = (...items: Appointment[]) => new Map(items.map((item) => [item.id, item]));
const ids = (items: readonly Appointment[]) => items.map((item) => item.id);

describe("a window", () => {
  const items = [at("a", 9), at("b", 10), at("c", 11)];

  it("takes what is new, moved in, moved, moved out and changed", () => {
    const patched = patchWindow(items, told("a", "b", "c", "d"), answers(at("a", 12, { version: 2 }), at("c", 11, { version: 2, status: "confirmed" }), at("d", 8)));
    expect(ids(patched)).toEqual(["d", "c", "a"]);
    expect(patched[1]?.status).toBe("confirmed");
    expect(ids(items)).toEqual(["a", "b", "c"]);
  });

  it("keeps what it holds in a newer version than the answer, or than what was told", () => {
    const held = [at("a", 9, { version: 3 }), at("b", 10, { version: 3 })];
    expect(patchWindow(held, told("a", "b"), answers(at("a", 12, { version: 2 })))).toBe(held);
  });

  it("takes an equal version: a client's name has none", () => {
    const patched = patchWindow(items, told("b"), answers(at("b", 10, { client: { id: "c", name: "" } as Appointment["client"] })));
    expect(patched[1]?.client.name).toBe("");
  });

  it("stays the same where nothing of it is meant", () => {
    expect(patchWindow(items, told("x"), answers())).toBe(items);
  });
});

describe("a list's pages", () => {
  const data = (open: boolean): InfiniteData<Page> => ({
    pages: [{ items: [at("a", 9), at("b", 10)], next_cursor: "1" }, { items: [at("c", 11), at("d", 12)], next_cursor: open ? "2" : null }],
    pageParams: [undefined, "1"],
  });
  const after = (known: InfiniteData<Page>, sort: string, meant: Map<string, number>, ...items: Appointment[]) => patchPages(known, sort, meant, answers(...items))?.pages.map((page) => ids(page.items)) ?? null;

  it("puts each where it belongs", () => {
    expect(after(data(false), "starts_at", told("a", "e"), at("a", 11, { version: 2, id: "a" }), at("e", 13))).toEqual([["b"], ["a", "c", "d", "e"]]);
    expect(after(data(false), "starts_at", told("b"))).toEqual([["a"], ["c", "d"]]);
  });

  it("leaves to the next page what comes after all that was read", () => {
    expect(after(data(true), "starts_at", told("a", "e"), at("a", 14, { version: 2 }), at("e", 13))).toEqual([["b"], ["c", "d"]]);
  });

  it("is read anew where its last row goes: the next page begins after that", () => {
    expect(after(data(true), "starts_at", told("d"))).toBeNull();
    expect(after(data(true), "starts_at", told("d"), at("d", 8, { version: 2 }))).toBeNull();
    expect(after(data(true), "starts_at", told("d"), at("d", 12, { version: 2 }))).toEqual([["a", "b"], ["c", "d"]]);
  });

  it("is read anew where only booking knows the order, unless a row keeps its place", () => {
    expect(after(data(false), "client", told("e"), at("e", 8))).toBeNull();
    expect(after(data(false), "client", told("b"), at("b", 10, { version: 2, client: { id: "c", name: "Zoe" } as Appointment["client"] }))).toBeNull();
    expect(after(data(false), "-price", told("b"), at("b", 10, { version: 2, status: "confirmed" }))).toEqual([["a", "b"], ["c", "d"]]);
    expect(after(data(false), "client", told("b"))).toEqual([["a"], ["c", "d"]]);
  });

  it("orders backwards, and instants with a fraction after those without", () => {
    const made = (id: string, created_at: string) => at(id, 9, { created_at });
    const known = { pages: [{ items: [made("b", "2026-11-02T08:00:00.5Z"), made("a", "2026-11-02T08:00:00Z")], next_cursor: null }], pageParams: [undefined] };
    expect(after(known, "-created_at", told("c"), made("c", "2026-11-02T08:00:00.250000Z"))).toEqual([["b", "c", "a"]]);
  });

  it("loses nothing that is newer, and takes out what is not there any more, whatever its version", () => {
    const held = { pages: [{ items: [at("a", 9, { version: 5 })], next_cursor: null }], pageParams: [undefined] };
    expect(after(held, "starts_at", told("a"))).toEqual([["a"]]);
    expect(after(held, "starts_at", new Map([["a", ANY]]))).toEqual([[]]);
  });
});
