import { useTranslation } from "react-i18next";
import { type Clock, startOfDay } from "../time";
import { Button } from "../ui/Button";
import { Problem, sayReason } from "../ui/Problem";
import { Sheet } from "../ui/Sheet";
import { type RefusedDate, standingInTheWay } from "./series";

/** Dates that could not be had, each with all the reasons. */
function RefusedDates({ dates, clock }: { dates: readonly RefusedDate[]; clock: Clock }) {
  const { t } = useTranslation();
  return (
    <ul className="dates-list">
      {dates.map(({ occurs_on, reasons }) => (
        <li key={occurs_on}>
          <bdi>{clock.datedDay(startOfDay(occurs_on, clock.zone))}</bdi>: {reasons.map((reason) => sayReason(t, reason)).join(" ")}
        </li>
      ))}
    </ul>
  );
}

/** What was done, and which dates were not. */
export function SeriesReport({ done, dates, clock, onClose }: { done: string; dates: readonly RefusedDate[]; clock: Clock; onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Sheet
      title={t("series.report")}
      onClose={onClose}
      stays
      footer={
        <>
          <Button autoFocus onPress={onClose}>
            {t("close")}
          </Button>
          {/* Not where the button was that led here, or pressed twice it would close unread. */}
          <span className="fill" />
        </>
      }
    >
      <p className="lead">{done}</p>
      <RefusedDates dates={dates} clock={clock} />
    </Sheet>
  );
}

/** Why nothing was done: the dates that stand in the way, where it is that. */
export function SeriesProblem({ error, clock }: { error: unknown; clock: Clock }) {
  const { t } = useTranslation();
  const dates = standingInTheWay(error);
  if (dates.length === 0) return <Problem error={error} />;
  return (
    <div className="problem" role="alert">
      <div>
        <p>{t("series.refused", { number: dates.length })}</p>
        <RefusedDates dates={dates} clock={clock} />
      </div>
    </div>
  );
}
