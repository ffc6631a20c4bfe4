/** Minutes and seconds until something ends, once a second; at the end it stops. */
import { useEffect, useState } from "react";
import { type Instant, countdown, now } from "../time";

export function Countdown({ until }: { until: Instant }) {
  const [left, setLeft] = useState(() => until - now());
  useEffect(() => {
    const tick = () => {
      setLeft(until - now());
      if (until <= now()) clearInterval(timer);
    };
    const timer = window.setInterval(tick, 1_000);
    tick();
    return () => clearInterval(timer);
  }, [until]);
  return (
    <time role="timer" dir="ltr">
      {countdown(left)}
    </time>
  );
}
