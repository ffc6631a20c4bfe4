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
    return data.filter((business) => !business.archived && (own === null || own.includes(business.id)));
  }, [data, session]);
  const business = businesses.find((candidate) => candidate.id === id) ?? businesses[0];
  const zone = business?.zone ?? "UTC";
  // The language is the reader's; how times are written follows it, in the business's country where that fits.
  const locale = business && business.locale.split("-")[0] === i18n.language ? business.locale : i18n.language;
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

export function useBusiness(): Chosen {
  const chosen = useContext(BusinessContext);
  if (!chosen) throw new Error("there is no business around this part");
  return chosen;
}
