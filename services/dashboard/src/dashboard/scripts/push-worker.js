// The service worker of push messages, for clients below /p/ and for users everywhere else. It answers no page's requests,
// and keeps no more than it needs when the browser changes its subscription: which it is, and a client's newest page.
"use strict";

// A page of this origin; null for anything else.
const pageOf = (path) => {
  try {
    const page = new URL(String(path), self.location.origin);
    return page.origin === self.location.origin ? page.href : null;
  } catch {
    return null;
  }
};

const contentOf = (event) => {
  try {
    return Object(event.data.json());
  } catch {
    return {};
  }
};

const KEPT = "/push-worker/kept";
const OF_CLIENTS = new URL(self.registration.scope).pathname === "/p/";

const recall = async () => {
  const kept = await (await caches.open("slotstream-push")).match(KEPT);
  return kept ? kept.json() : {};
};

const remember = async (more) => {
  const kept = { ...(await recall()), ...more };
  await (await caches.open("slotstream-push")).put(KEPT, new Response(JSON.stringify(kept)));
};

// The page of a client's link, without what is below it: the page of messages, or of one appointment.
const linkOf = (page) => /^\/p\/[^/]+/.exec(page ? new URL(page).pathname : "")?.[0];

// What is subscribed now, and for a client the link that a message has just brought.
const note = async (page) => {
  const now = await self.registration.pushManager.getSubscription();
  const key = now?.options.applicationServerKey;
  const link = OF_CLIENTS ? linkOf(page) : undefined;
  await remember({
    ...(now ? { endpoint: now.endpoint } : {}),
    ...(key ? { key: [...new Uint8Array(key)] } : {}),
    ...(link ? { link } : {}),
  });
};

self.addEventListener("install", () => self.skipWaiting());

// A page says which link it was subscribed by.
self.addEventListener("message", (event) => event.waitUntil(note(pageOf(event.data?.page ?? "/"))));

const tellOfClient = (link, { endpoint, keys }, replaces) =>
  fetch(`${link}/push`, {
    method: "POST",
    redirect: "manual",
    body: new URLSearchParams({ endpoint, p256dh: keys.p256dh, auth: keys.auth, replaces }),
  });

const tellOfUser = async ({ endpoint, keys }, replaces) => {
  const session = await fetch("/api/session");
  if (!session.ok) return;
  const { csrf_token: token } = await session.json();
  await fetch("/api/notifications/v1/push-subscriptions", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": token },
    body: JSON.stringify({ endpoint, keys, device: navigator.userAgent.slice(0, 200), ...(replaces ? { replaces } : {}) }),
  });
};

// The browser has another address from now on, or none: whoever is told of the new one forgets the old.
const renew = async (event) => {
  const kept = await recall();
  const key = event.oldSubscription?.options.applicationServerKey ?? (kept.key && Uint8Array.from(kept.key));
  if (!event.newSubscription && !key) return;
  const fresh =
    event.newSubscription ?? (await self.registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
  const replaces = event.oldSubscription?.endpoint ?? kept.endpoint ?? "";
  if (!OF_CLIENTS) await tellOfUser(fresh.toJSON(), replaces);
  else if (kept.link) await tellOfClient(kept.link, fresh.toJSON(), replaces);
  await note(null);
};

self.addEventListener("pushsubscriptionchange", (event) => event.waitUntil(renew(event)));

self.addEventListener("push", (event) => {
  const told = contentOf(event);
  event.waitUntil(note(told.url ? pageOf(told.url) : null).catch(() => undefined));
  event.waitUntil(
    self.registration.showNotification(String(told.title ?? "Slotstream"), {
      body: String(told.body ?? ""),
      lang: String(told.lang ?? ""),
      dir: "auto",
      // The same message again takes its own place.
      tag: String(told.id ?? ""),
      data: told.url ? pageOf(told.url) : null,
    }),
  );
});

const open = async (page) => {
  const windows = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
  const shown = windows.find((window) => window.url === page);
  return shown ? shown.focus() : self.clients.openWindow(page);
};

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  if (event.notification.data) event.waitUntil(open(event.notification.data));
});
