import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Appointment } from "../src/api/appointments";
import { follow } from "../src/api/follow";

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
