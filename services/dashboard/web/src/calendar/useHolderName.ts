/** Who keeps a slot, as others are told: "you", a colleague's name where the reader may know it, or what kind of caller. */
import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";
import { useTranslation } from "react-i18next";
import { send } from "../api/client";
import type { components } from "../api/schema/booking";
import { useRight, useSession } from "../api/session";

type Holder = components["schemas"]["HolderOut"];
type Users = { items: { id: string; name: string }[] };

export function useHolderName(holders: readonly Holder[]): (holder: Holder) => string {
  const { t } = useTranslation();
  const own = useSession().user.id;
  const administers = useRight("administer");
  // Names of users are told to those who administer them.
  const wanted = administers && holders.some((holder) => holder.type === "user" && holder.id !== own);
  const users = useQuery({ queryKey: ["users"], enabled: wanted, queryFn: async () => (await send<Users>("/api/dashboard/v1/users?limit=100")).body });
  const known = users.data?.items;
  return useCallback(
    (holder) => {
      if (holder.type === "user" && holder.id === own) return t("calendar.holder.you");
      return known?.find((user) => user.id === holder.id)?.name ?? t(`calendar.holder.${holder.type}`, { defaultValue: holder.type });
    },
    [known, own, t],
  );
}
