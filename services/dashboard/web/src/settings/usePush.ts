/** One's own browsers that take push messages, and what this one allows. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { ask } from "../api/client";
import type { components } from "../api/schema/notifications";

type Schemas = components["schemas"];

export const BROWSERS_KEY = ["push-subscriptions"];
export const CAN_PUSH = "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

export const useOwnBrowsers = () => useQuery({ queryKey: BROWSERS_KEY, queryFn: () => ask<Schemas["PushSubscriptionsOut"]>("notifications", "/push-subscriptions") }).data?.items;

export type Permission = "granted" | "denied" | "default" | "none";

/** What this browser allows; `none` where it cannot push at all. It follows what is changed in its settings. */
export function usePermission(): Permission {
  const [permission, setPermission] = useState<Permission>(CAN_PUSH ? Notification.permission : "none");
  useEffect(() => {
    if (!CAN_PUSH) return;
    let status: PermissionStatus | undefined;
    const read = () => setPermission(Notification.permission);
    void navigator.permissions?.query({ name: "notifications" }).then((found) => {
      status = found;
      found.addEventListener("change", read);
      read();
    });
    return () => status?.removeEventListener("change", read);
  }, []);
  return permission;
}
