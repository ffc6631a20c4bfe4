// The button on a client's page of messages that subscribes this browser to push. Without this script, or where the
// browser has no push, there is none.
"use strict";

const form = document.getElementById("push");
const failed = document.getElementById("push-failed");
const button = form?.querySelector("button");

const bytesOf = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (sign) => sign.charCodeAt(0));

// Scripts are loaded by addresses that are known to be ours alone.
const worker = () =>
  globalThis.trustedTypes
    ? trustedTypes.createPolicy("slotstream-push", { createScriptURL: () => "/push-worker.js" }).createScriptURL("")
    : "/push-worker.js";

const isSame = (bytes, others) => bytes.length === others.length && bytes.every((byte, place) => byte === others[place]);

async function subscribe(address) {
  const key = bytesOf(form.dataset.key);
  const registration = await navigator.serviceWorker.register(address, { scope: "/p/", updateViaCache: "none" });
  const known = await registration.pushManager.getSubscription();
  // One that was made for another installation's key is good for nothing any more.
  if (known && !isSame(new Uint8Array(known.options.applicationServerKey ?? []), key)) await known.unsubscribe();
  const made = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key });
  const { endpoint, keys } = made.toJSON();
  const fields = { endpoint, p256dh: keys.p256dh, auth: keys.auth };
  for (const [name, value] of Object.entries(fields)) form.elements[name].value = value;
  (registration.active ?? registration.waiting ?? registration.installing)?.postMessage({ page: location.pathname });
  form.submit();
}

if (form && "serviceWorker" in navigator && "PushManager" in window && "Notification" in window) {
  form.hidden = false;
  const address = worker();
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    failed.hidden = true;
    button.disabled = true;
    try {
      await subscribe(address);
    } catch {
      failed.hidden = false;
      button.disabled = false;
    }
  });
}
