import { useEffect } from "react";
import { useTranslation } from "react-i18next";
import { useReadAgain } from "../api/askAnew";
import { useLiveState } from "../api/live";
import type { Clock } from "../time";
import { Problem } from "./Problem";

/** A screen: its title is the tab's as well, and the first thing a screen reader meets. */
export function Page({ title, actions, children }: { title: string; actions?: React.ReactNode; children: React.ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Slotstream`;
  }, [title]);
  return (
    <>
      <header className="top">
        <h1 tabIndex={-1}>{title}</h1>
        {actions}
      </header>
      {children}
    </>
  );
}

export function Live() {
  const { t } = useTranslation();
  const state = useLiveState();
  return (
    <span className={`live ${state}`} role="status">
      <i />
      <span>{t(`live.${state}`)}</span>
    </span>
  );
}

export function Empty({ title, children }: { title: string; children?: React.ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Above what is kept of an earlier answer: since when it is so, why, and a way to try again. */
export function NotRefreshed({ error, at, lead, clock }: { error: unknown; at: number; lead?: string; clock: Clock }) {
  const { t } = useTranslation();
  const readAgain = useReadAgain();
  return <Problem error={error} lead={at > 0 ? t("error.asOf", { time: clock.time(at) }) : lead} onRetry={readAgain} />;
}

/** What stands where data will be: nothing for a moment, then grey lines; an error with a way to try again. */
export function Waiting({ error, rows = 8 }: { error?: unknown; rows?: number }) {
  const { t } = useTranslation();
  const readAgain = useReadAgain();
  if (error) return <Problem error={error} onRetry={readAgain} />;
  return (
    <div className="skeleton" role="status" aria-label={t("loading")}>
      {Array.from({ length: rows }, (_, row) => (
        <i key={row} />
      ))}
    </div>
  );
}
