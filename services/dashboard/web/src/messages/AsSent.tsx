/** A text as it will be sent, while it is typed: filled in for one appointment, or with examples. */
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { Problem } from "../ui/Problem";
import { type Draft, useSize } from "./MessageFields";
import type { Audience } from "./send";
import { previewText, untilKnown } from "./texts";

/** Without `locale` in the language of the appointment's business. */
type Props = { draft: Draft; audience: Audience; locale?: string; appointmentId?: string; title: string };

const WHILE_TYPING = 250;

export function AsSent({ draft: { channel, text }, audience, locale, appointmentId, title }: Props) {
  const [tried, setTried] = useState(text.trim());
  useEffect(() => {
    const timer = window.setTimeout(() => setTried(text.trim()), WHILE_TYPING);
    return () => window.clearTimeout(timer);
  }, [text]);
  const asked = { text: tried, channel, audience, locale: locale ?? null, appointment_id: appointmentId ?? null };
  const preview = useQuery({ queryKey: ["templates", "preview", asked], queryFn: ({ signal }) => previewText(asked, signal), enabled: Boolean(tried), gcTime: 10_000, ...untilKnown });
  const size = useSize({ channel, text: preview.data?.text ?? text });
  return (
    <section aria-label={title} className="as-sent">
      <h3>{title}</h3>
      {preview.error ? <Problem error={preview.error} /> : <q dir="auto">{preview.data?.text.trim()}</q>}
      <p className="hint">{size}</p>
    </section>
  );
}
