/** The business whose day is shown: one at a time, for each has its own zone, staff and hours. */
import { createContext, useContext, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Business, useBusinesses } from "./api/catalogue";
import { useSession } from "./api/session";
import { Clock } from "./time";

type Chosen = { business: Business | undefined; businesses: readonly Business[]; choose: (id: string) => void; clock: Clock; loading: boolean };

const BusinessContext = createContext<Chosen | null>(null);
const KEY = "slotstream-business";

export function BusinessProvider({ children }: { children: React.ReactNode }) {
  const { i18n } = useTranslation();
  const session = useSession();
  const { data = [], isPending } = useBusinesses();
  const [id, setId] = useState(() => localStorage.getItem(KEY));
  const businesses = useMemo(() => {
    const own = session.user.business_ids;
    const mine = data.filter((business) => !business.archived && (own === null || own.includes(business.id)));
    return mine.sort((a, b) => (a.created_at < b.created_at ? -1 : 1));
  }, [data, session]);
  const business = businesses.find((candidate) => candidate.id === id) ?? businesses[0];
  const zone = business?.zone ?? "UTC";
  const locale = localeOf(i18n.language, business);
  const value = useMemo(
    () => ({
      business,
      businesses,
      loading: isPending,
      clock: new Clock(locale, zone),
      choose: (chosen: string) => {
        localStorage.setItem(KEY, chosen);
        setId(chosen);
      },
    }),
    [business, businesses, isPending, locale, zone],
  );
  return <BusinessContext.Provider value={value}>{children}</BusinessContext.Provider>;
}

/** The reader's language as it is written in the business's country: `en` in Berlin has 24 hours a day. */
function localeOf(language: string, business: Business | undefined): string {
  const region = business?.country ?? (business && new Intl.Locale(business.locale).region) ?? business?.phone_region;
  return region ? new Intl.Locale(language, { region }).toString() : language;
}

export function useBusiness(): Chosen {
  const chosen = useContext(BusinessContext);
  if (!chosen) throw new Error("there is no business around this part");
  return chosen;
}
