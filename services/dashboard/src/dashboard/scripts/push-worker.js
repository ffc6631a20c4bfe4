// The service worker of push messages, for clients below /p/ and for users everywhere else. It keeps nothing, and answers
// no page's requests.
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

self.addEventListener("install", () => self.skipWaiting());

self.addEventListener("push", (event) => {
  const told = contentOf(event);
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
