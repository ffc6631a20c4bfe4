/** Keeps the chosen time while the form is filled: one hold at a time, given back when another time is chosen. */
import { useCallback, useEffect, useRef, useState } from "react";
import { ask, ProblemError, type Reason } from "../api/client";
import type { components } from "../api/schema/booking";
import { type Instant, instantOf, isoOf, now } from "../time";

type Hold = components["schemas"]["HoldOut"];
const MINUTES = 5;
const REST = 400;

/** In one step with the former one's end: where it is refused, that one stays, and neither counts against the other. */
const take = (body: string, former: Hold | null): Promise<Hold> => ask<Hold>("booking", "/holds", { method: "POST", body: { ...JSON.parse(body), ...(former ? { replaces: former.id } : {}) } });

const release = (held: Hold | null): void => {
  if (held) void ask("booking", `/holds/${held.id}`, { method: "DELETE", outlivesPage: true }).catch(() => undefined);
};

const reasonsOf = ({ code, problem }: ProblemError): readonly Reason[] => (problem.reasons?.length ? problem.reasons : [{ code, detail: problem.detail }]);

export function useHold(what: Record<string, unknown> | null, start: Instant | null) {
  const [hold, setHold] = useState<Hold | null>(null);
  const [problem, setProblem] = useState<readonly Reason[] | null>(null);
  const [notKept, setNotKept] = useState<unknown>(null);
  const [secondsLeft, setSecondsLeft] = useState<number | null>(null);
  const latest = useRef<Hold | null>(null);
  latest.current = hold;
  const keeping = useRef(false);
  const wish = what && start !== null ? JSON.stringify({ ...what, starts_at: isoOf(start), minutes: MINUTES }) : null;
  const wished = useRef(wish);
  wished.current = wish;

  useEffect(() => {
    setProblem(null);
    setNotKept(null);
    if (wish === null) {
      release(latest.current);
      setHold(null);
      return;
    }
    let current = true;
    const timer = window.setTimeout(() => {
      const former = latest.current;
      take(wish, former).then(
        (held) => (current ? setHold(held) : release(held)),
        (failure) => {
          // Of a time that is not chosen any more.
          release(former);
          if (!current) return;
          setHold(null);
          if (failure instanceof ProblemError) setProblem(reasonsOf(failure));
        },
      );
    }, REST);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [wish]);

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
  }, []);

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

  /** Held is what is held until it is held for longer; where that cannot be, it is said. */
  const keep = useCallback(async () => {
    const asked = wished.current;
    if (asked === null || keeping.current) return;
    keeping.current = true;
    setNotKept(null);
    try {
      const held = await take(asked, latest.current);
      if (wished.current === asked) setHold(held);
      else release(held);
    } catch (failure) {
      if (wished.current === asked) setNotKept(failure);
    } finally {
      keeping.current = false;
    }
  }, []);

  return {
    id: hold?.id ?? null,
    secondsLeft,
    problem,
    /** Why it could not be kept longer. */
    notKept,
    keep,
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
