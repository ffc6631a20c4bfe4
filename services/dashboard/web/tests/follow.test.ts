import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Appointment } from "../src/api/appointments";
import { follow, isOwnVersion, readOwn, showOwn } from "../src/api/follow";

const item = (id: string, version: number, status = "scheduled") => ({ id, version, status, starts_at: "2026-11-30T09:00:00Z", ends_at: "2026-11-30T10:00:00Z", client: { id: "c", name: "Ann" } }) as Appointment;

/** A window that is shown, whose whole readings are answered by hand; what is asked of single ones is answered from `book`. */
function shown() {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const book = new Map<string, Appointment>([["a", item("a", 1)]]);
  const asked: URL[] = [];
  vi.stubGlobal("fetch", async (address: string) => {
    const url = new URL(address, "http://desk.test");
    asked.push(url);
    const items = url.searchParams.getAll("id").map((id) => book.get(id)).filter(Boolean);
    return new Response(JSON.stringify({ items }));
  });
  const whole: ((items: Appointment[]) => void)[] = [];
  const queryKey = ["appointments", "window", "shop", 1_795_996_800_000, 1_796_083_200_000];
  const observer = new QueryObserver<Appointment[]>(client, { queryKey, queryFn: () => new Promise((resolve) => whole.push(resolve)) });
  const leave = observer.subscribe(() => undefined);
  const follower = follow(client);
  const pass = (milliseconds: number) => vi.advanceTimersByTimeAsync(milliseconds);
  const read = async () => {
    whole.shift()?.([...book.values()]);
    await pass(0);
  };
  const stop = () => (follower.stop(), leave());
  return { client, book, asked, whole, follower, pass, read, stop, known: () => client.getQueryData<Appointment[]>(queryKey)?.map(({ id, version }) => `${id}${version}`) };
}

describe("follow", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("asks for what was told of alone, together, by the window's own question", async () => {
    const page = shown();
    await page.read();
    page.book.set("a", item("a", 2)).set("b", item("b", 1));
    page.follower.tell("a", 2);
    page.follower.tell("b", 1);
    await page.pass(200);
    expect(page.known()).toEqual(["a2", "b1"]);
    expect(page.asked.map((url) => url.searchParams.getAll("id"))).toEqual([["a", "b"]]);
    expect(page.asked[0]?.searchParams.get("business_id")).toBe("shop");
    expect(page.whole).toHaveLength(0);
    page.stop();
  });

  it("reads a series anew when one of its dates has changed, and only then", async () => {
    const page = shown();
    await page.read();
    const readings: string[] = [];
    const queryKey = ["appointments", "series", "weekly"];
    const observer = new QueryObserver(page.client, { queryKey, queryFn: async () => (readings.push("read"), { occurrences: [{ appointment_id: "a" }, { appointment_id: null }] }) });
    const leave = observer.subscribe(() => undefined);
    await page.pass(0);
    page.follower.tell("b", 2);
    await page.pass(200);
    expect(readings).toHaveLength(1);
    page.follower.tell("a", 2);
    await page.pass(200);
    expect(readings).toHaveLength(2);
    leave();
    page.stop();
  });

  it("puts in once more what an older reading would undo", async () => {
    const page = shown();
    const before = [...page.book.values()];
    page.book.set("a", item("a", 2));
    page.follower.tell("a", 2);
    await page.pass(200);
    page.whole.shift()?.(before);
    await page.pass(0);
    expect(page.known()).toEqual(["a2"]);
    page.stop();
  });

  it("keeps a newer version of one's own", async () => {
    const page = shown();
    await page.read();
    page.follower.tell("a", 1);
    page.client.setQueriesData<Appointment[]>({ queryKey: ["appointments", "window"] }, () => [item("a", 2)]);
    await page.pass(200);
    expect(page.known()).toEqual(["a2"]);
    page.stop();
  });

  it("reads a huge burst as a whole, and not once for each of it", async () => {
    const page = shown();
    await page.read();
    for (let turn = 0; turn < 20; turn += 1) {
      for (let number = 0; number < 150; number += 1) page.follower.tell(`${turn}-${number}`, 1);
      await page.pass(100);
    }
    expect(page.asked).toHaveLength(0);
    expect(page.whole).toHaveLength(1);
    await page.read();
    await page.pass(10_000);
    expect(page.whole).toHaveLength(1);
    await page.read();
    await page.pass(60_000);
    expect(page.whole).toHaveLength(0);
    page.stop();
  });

  it("shows one's own change by its id alone, and is done when it is shown", async () => {
    const page = shown();
    await page.read();
    page.book.set("a", item("a", 2)).set("b", item("b", 1));
    await showOwn(page.client, item("a", 2), item("b", 1));
    expect(page.known()).toEqual(["a2", "b1"]);
    expect(page.asked.map((url) => url.searchParams.getAll("id"))).toEqual([["a", "b"]]);
    expect(page.whole).toHaveLength(0);
    page.stop();
  });

  it("knows the versions that one has made oneself, also of what was changed by an answer that names none", async () => {
    const page = shown();
    await page.read();
    await showOwn(page.client, item("mine", 2));
    expect([2, 3].map((version) => isOwnVersion("mine", version))).toEqual([true, false]);
    await readOwn(page.client, ["mine"]);
    expect(isOwnVersion("mine", 3)).toBe(true);
    await page.pass(6_000);
    expect(isOwnVersion("mine", 4)).toBe(false);
    page.stop();
  });

  it("begins anew what was being read when one's own change was made", async () => {
    const page = shown();
    await page.read();
    const before = [...page.book.values()];
    void page.client.invalidateQueries({ queryKey: ["appointments", "window"] });
    page.book.set("a", item("a", 2));
    const own = showOwn(page.client, item("a", 2));
    await page.pass(0);
    expect(page.whole).toHaveLength(2);
    page.whole.shift()?.(before);
    await page.pass(0);
    expect(page.known()).toEqual(["a2"]);
    await page.read();
    await own;
    expect(page.known()).toEqual(["a2"]);
    page.stop();
  });

  it("takes an erased client's name from what is shown and from what is kept, and reads no whole list for it", async () => {
    const page = shown();
    page.client.setQueryData(["appointments", "window", "shop", 1, 2], [item("z", 1)]);
    page.client.setQueryData(["clients", "find", "Ann"], { items: [{ id: "c", name: "Ann" }] });
    await page.read();
    page.book.set("a", { ...item("a", 1), client: { id: "c", name: "" } } as Appointment);
    page.follower.tellOfClient("c", true);
    await page.pass(200);
    const kept = page.client.getQueryCache().getAll().map((query) => JSON.stringify(query.state.data));
    expect(kept.filter((data) => data?.includes("Ann"))).toEqual([]);
    expect(page.known()).toEqual(["a1"]);
    expect(page.whole).toHaveLength(0);
    page.stop();
  });

  it("looks once more where a client's name was being read when it changed", async () => {
    const page = shown();
    const before = [...page.book.values()];
    page.follower.tellOfClient("c", false);
    await page.pass(200);
    page.book.set("a", { ...item("a", 1), client: { id: "c", name: "Bea" } } as Appointment);
    page.whole.shift()?.(before);
    await page.pass(400);
    expect(page.client.getQueryData<Appointment[]>(["appointments", "window", "shop", 1_795_996_800_000, 1_796_083_200_000])?.[0]?.client.name).toBe("Bea");
    page.stop();
  });

  it("reads the whole where the few could not be read", async () => {
    const page = shown();
    await page.read();
    vi.stubGlobal("fetch", async () => new Response("", { status: 503 }));
    page.follower.tell("a", 2);
    await page.pass(200);
    expect(page.whole).toHaveLength(1);
    page.stop();
  });
});
