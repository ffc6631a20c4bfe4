import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { UnreachableError } from "../src/api/client";
import { OneKey, writeToMany } from "../src/messages/send";

type Sent = { method: string; path: string; key: string | null; ids: number };
const IDS = Array.from({ length: 450 }, (_, number) => `appointment-${number}`);

/** A booking service that does what it is told, and whose answers may get lost. */
function booking() {
  const sent: Sent[] = [];
  const orders = new Map<string, { id: string; asked: number }>();
  const lost = { answers: 0 };
  vi.stubGlobal("fetch", async (address: string, request: RequestInit = {}) => {
    const key = new Headers(request.headers).get("Idempotency-Key");
    const ids = request.body ? (JSON.parse(String(request.body)) as { ids: string[] }).ids.length : 0;
    sent.push({ method: request.method ?? "GET", path: address, key, ids });
    let answer = new Response(JSON.stringify({ items: [{ id: "appointment-3", ok: false, problem: { code: "no_phone", detail: "", reasons: [] } }], next_cursor: null }));
    if (request.method === "POST") {
      const order = orders.get(key ?? "") ?? { id: `order-${orders.size}`, asked: 0 };
      orders.set(key ?? "", order);
      answer = new Response(JSON.stringify({ id: order.id, status: "running", succeeded: 0, refused: 0 }), { status: 202 });
    } else if (!address.includes("/results")) {
      const order = [...orders.values()].find((one) => address.endsWith(one.id));
      const done = (order && ++order.asked > 1) ?? false;
      answer = new Response(JSON.stringify({ id: order?.id, status: done ? "finished" : "running", succeeded: done ? 449 : 200, refused: done ? 1 : 0 }));
    }
    if (lost.answers > 0) {
      lost.answers -= 1;
      throw new TypeError("the connection was reset");
    }
    return answer;
  });
  return { sent, orders, lost };
}

beforeEach(() => vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 100 }));
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("a message to many is one order, however many they are, and is looked at until it is done", async () => {
  const { sent, orders } = booking();
  const progress: number[] = [];
  const told: string[] = [];
  const outcome = await writeToMany("sms_client", IDS, "We open later.", "key", (done) => progress.push(done), (id) => told.push(id));
  expect([outcome.done, outcome.failed.map((result) => result.id)]).toEqual([449, ["appointment-3"]]);
  expect([outcome.orderId, told]).toEqual(["order-0", ["order-0"]]);
  expect(progress).toEqual([200]);
  expect(sent.filter((one) => one.method === "POST").map((one) => one.ids)).toEqual([450]);
  expect(orders.size).toBe(1);
});

test("what is sent once more after an answer that got lost is the same order", async () => {
  const { orders, lost } = booking();
  const keys = new OneKey();
  const write = () => writeToMany("sms_client", IDS, "We open later.", keys.of("words"), () => undefined);
  lost.answers = 1;
  await expect(write()).rejects.toBeInstanceOf(UnreachableError);
  expect((await write()).done).toBe(449);
  expect(orders.size).toBe(1);
});

test("other words are another message, and so are the same once they are sent", () => {
  const keys = new OneKey();
  const first = keys.of("words");
  expect(keys.of("words")).toBe(first);
  expect(keys.of("other words")).not.toBe(first);
  const again = keys.of("words");
  keys.forget();
  expect(keys.of("words")).not.toBe(again);
});
