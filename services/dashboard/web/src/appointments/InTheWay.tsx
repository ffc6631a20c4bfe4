/** Whose appointments stand in the way, beside the reason that says that something does. */
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";
import { readInTheWay, whenAndWhose } from "../api/inTheWay";
import { useBusiness } from "../business";
import { Clock } from "../time";

const SHOWN = 5;

/** Each opens by itself: what is being typed here stays. */
export default function InTheWay({ ids }: { ids: readonly string[] }) {
  const { t } = useTranslation();
  const { clock } = useBusiness();
  const { data } = useQuery({ queryKey: ["inTheWay", ids], queryFn: ({ signal }) => readInTheWay(ids, signal), staleTime: 10_000 });
  if (!data?.length) return null;
  return (
    <ul aria-label={t("inTheWay.title")}>
      {data.slice(0, SHOWN).map((appointment) => (
        <li key={appointment.id}>
          <a href={`/appointments/${appointment.id}`} target="_blank" rel="noopener">
            <bdi>{appointment.client.name || t("inTheWay.erased")}</bdi>
            <span className="sr"> {t("inTheWay.opens")}</span>
          </a>{" "}
          <bdi>{whenAndWhose(appointment, new Clock(clock.locale, appointment.zone))}</bdi>
        </li>
      ))}
      {data.length > SHOWN && <li>{t("inTheWay.more", { count: data.length - SHOWN })}</li>}
    </ul>
  );
}
