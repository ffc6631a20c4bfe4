import { useRef } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "./Button";
import { TextField } from "./fields";
import { toast } from "./toasts";

/** A text that is needed elsewhere, as it is. */
export function Copy({ label, text, hint }: { label: string; text: string; hint?: string }) {
  const { t } = useTranslation();
  const row = useRef<HTMLDivElement>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      toast(t("copiedText"));
    } catch {
      // The browser lets no page copy: it is marked, for people to do it.
      row.current?.querySelector("input")?.select();
    }
  };
  return (
    <div className="row copy" ref={row}>
      <TextField label={label} value={text} onChange={() => undefined} isReadOnly dir="ltr" hint={hint} />
      <Button aria-label={`${t("copyText")}: ${label}`} onPress={() => void copy()}>
        {t("copyText")}
      </Button>
    </div>
  );
}
