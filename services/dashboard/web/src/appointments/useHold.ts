/** Keeps the chosen time while the form is filled: one hold at a time, given back when another time is chosen. */
import { useCallback, useEffect, useRef, useState } from "react";
import { ask, ProblemError, type Reason } from "../api/client";
import type { components } from "../api/schema/booking";
import { type Instant, instantOf, isoOf, now } from "../time";

type Hold = components["schemas"]["HoldOut"];
const MINUTES = 5;
const REST = 400;

export function useHold(what: Record<string, unknown> | null, start: Instant | null) {
  const [hold, setHold] = useState<Hold | null>(null);
  const [problem, setProblem] = useState<readonly Reason[] | null>(null);
  const [secondsLeft, setSecondsLeft] = useState<number | null>(null);
  const latest = useRef<Hold | null>(null);
  latest.current = hold;
  const wish = what && start !== null ? JSON.stringify({ ...what, starts_at: isoOf(start), minutes: MINUTES }) : null;

  const release = useCallback((held: Hold | null) => {
    if (held) void ask("booking", `/holds/${held.id}`, { method: "DELETE", outlivesPage: true }).catch(() => undefined);
  }, []);

  const take = useCallback(async (body: string, former: Hold | null) => {
    // First the old one goes: a visitor's own hold never counts against a neighbouring time.
    if (former) await ask("booking", `/holds/${former.id}`, { method: "DELETE" }).catch(() => undefined);
    return ask<Hold>("booking", "/holds", { method: "POST", body: JSON.parse(body) });
  }, []);

  useEffect(() => {
    setProblem(null);
    if (wish === null) {
      release(latest.current);
      setHold(null);
      return;
    }
    let current = true;
    const timer = window.setTimeout(() => {
      take(wish, latest.current).then(
        (held) => (current ? setHold(held) : release(held)),
        (failure) => {
          if (!current) return;
          setHold(null);
          if (failure instanceof ProblemError) setProblem(failure.problem.reasons?.length ? failure.problem.reasons : [{ code: failure.code, detail: failure.problem.detail }]);
        },
      );
    }, REST);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [wish, release, take]);

  // Whoever leaves gives the time back, by another screen or by closing the window.
  useEffect(() => {
    const leave = () => {
      release(latest.current);
      latest.current = null;
      setHold(null);
    };
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      release(latest.current);
    };
  }, [release]);

  useEffect(() => {
    if (!hold) return setSecondsLeft(null);
    const tick = () => {
      const left = Math.max(0, Math.round((instantOf(hold.expires_at) - now()) / 1000));
      setSecondsLeft(left);
      if (left === 0) setHold(null);
    };
    tick();
    const timer = window.setInterval(tick, 1_000);
    return () => clearInterval(timer);
  }, [hold]);

  return {
    id: hold?.id ?? null,
    secondsLeft,
    problem,
    keep: () => {
      if (wish !== null) void take(wish, latest.current).then(setHold, () => setHold(null));
    },
    /** It has become an appointment: there is nothing to give back. */
    used: () => {
      latest.current = null;
      setHold(null);
    },
    lost: () => {
      latest.current = null;
      setHold(null);
    },
  };
}
