/** The service worker of push messages, in a world of its own: what it tells whom when the browser changes its subscription. */
import { readFileSync } from "node:fs";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";

const SCRIPT = readFileSync(new URL("../../src/dashboard/scripts/push-worker.js", import.meta.url), "utf8");
const ORIGIN = "https://desk.example.com";

type Asked = { address: string; method: string; headers: Record<string, string>; body: string };
type Subscription = { endpoint: string; options: { applicationServerKey: ArrayBuffer | null }; toJSON(): object };

const subscription = (name: string): Subscription => ({
  endpoint: `https://push.example/${name}`,
  options: { applicationServerKey: Uint8Array.of(4, 5, 6).buffer },
  toJSON: () => ({ endpoint: `https://push.example/${name}`, keys: { p256dh: `point-${name}`, auth: `secret-${name}` } }),
});

/** One registration of the worker; `now` is what the browser has subscribed, and asking again makes `again`. */
function registered(scope: string, { session = 200 }: { session?: number } = {}) {
  const handlers: Record<string, (event: object) => void> = {};
  const asked: Asked[] = [];
  const kept = new Map<string, string>();
  const state = { now: subscription("old") as Subscription | null, keys: [] as number[][] };
  const self = {
    location: { origin: ORIGIN },
    registration: {
      scope: `${ORIGIN}${scope}`,
      showNotification: async () => undefined,
      pushManager: {
        getSubscription: async () => state.now,
        subscribe: async ({ applicationServerKey }: { applicationServerKey: ArrayBuffer | Uint8Array }) => {
          state.keys.push([...new Uint8Array(applicationServerKey as ArrayBuffer)]);
          return (state.now = subscription("again"));
        },
      },
    },
    addEventListener: (name: string, handler: (event: object) => void) => (handlers[name] = handler),
    skipWaiting: () => undefined,
  };
  const fetch = async (address: string, request: { method?: string; headers?: Record<string, string>; body?: unknown } = {}) => {
    asked.push({ address, method: request.method ?? "GET", headers: request.headers ?? {}, body: String(request.body ?? "") });
    return address === "/api/session" ? new Response(JSON.stringify({ csrf_token: "token" }), { status: session }) : new Response(null, { status: 201 });
  };
  const caches = {
    open: async () => ({
      match: async (name: string) => (kept.has(name) ? new Response(kept.get(name)) : undefined),
      put: async (name: string, answer: Response) => void kept.set(name, await answer.text()),
    }),
  };
  runInNewContext(SCRIPT, { self, fetch, caches, URL, URLSearchParams, Response, Uint8Array, navigator: { userAgent: "Test" } });
  const happens = async (name: string, fields: object) => {
    const waited: Promise<unknown>[] = [];
    handlers[name]!({ ...fields, waitUntil: (work: Promise<unknown>) => void waited.push(work) });
    await Promise.all(waited);
  };
  return { happens, asked, state };
}

const pushed = (url: string) => ({ data: { json: () => ({ title: "Reminder", url }) } });

test("a user's browser tells of its new subscription in the user's session, and which one goes", async () => {
  const { happens, asked } = registered("/");
  await happens("pushsubscriptionchange", { oldSubscription: subscription("old"), newSubscription: subscription("new") });
  expect(asked.map(({ address }) => address)).toEqual(["/api/session", "/api/notifications/v1/push-subscriptions"]);
  expect(asked[1]!.headers["X-CSRF-Token"]).toBe("token");
  expect(JSON.parse(asked[1]!.body)).toEqual({
    endpoint: "https://push.example/new",
    keys: { p256dh: "point-new", auth: "secret-new" },
    device: "Test",
    replaces: "https://push.example/old",
  });
});

test("where the browser says neither, it is subscribed anew by the key that it had, and what it had goes", async () => {
  const { happens, asked, state } = registered("/");
  await happens("push", pushed("/appointments/x"));
  state.now = null;
  await happens("pushsubscriptionchange", {});
  expect(state.keys).toEqual([[4, 5, 6]]);
  expect(JSON.parse(asked[1]!.body)).toMatchObject({ endpoint: "https://push.example/again", replaces: "https://push.example/old" });
});

test("whoever is signed out is told nothing of, and who never heard of a key asks nobody", async () => {
  const out = registered("/", { session: 401 });
  await out.happens("pushsubscriptionchange", { oldSubscription: subscription("old"), newSubscription: subscription("new") });
  expect(out.asked.map(({ address }) => address)).toEqual(["/api/session"]);
  const nothing = registered("/");
  await nothing.happens("pushsubscriptionchange", {});
  expect(nothing.asked).toEqual([]);
});

test("a client's browser tells by the newest link that it was pushed, and by that of the page that subscribed it", async () => {
  const { happens, asked } = registered("/p/");
  await happens("message", { data: { page: "/p/first/preferences" } });
  await happens("pushsubscriptionchange", { newSubscription: subscription("new") });
  await happens("push", pushed("/p/second"));
  await happens("push", pushed("https://evil.example/p/third"));
  await happens("pushsubscriptionchange", { newSubscription: subscription("newer") });
  expect(asked.map(({ address, method }) => [method, address])).toEqual([["POST", "/p/first/push"], ["POST", "/p/second/push"]]);
  expect(Object.fromEntries(new URLSearchParams(asked[0]!.body))).toEqual({
    endpoint: "https://push.example/new",
    p256dh: "point-new",
    auth: "secret-new",
    replaces: "https://push.example/old",
  });
});
