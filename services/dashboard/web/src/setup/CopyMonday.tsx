/** Monday's hours, put on other days that are chosen. */
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Button } from "../ui/Button";

const WORKDAYS = [1, 2, 3, 4];

type Props = { order: readonly number[]; nameOf: (weekday: number) => string; onCopy: (days: readonly number[]) => void };

export function CopyMonday({ order, nameOf, onCopy }: Props) {
  const { t } = useTranslation();
  const [chosen, setChosen] = useState<readonly number[]>(WORKDAYS);
  const change = (day: number) => setChosen(chosen.includes(day) ? chosen.filter((other) => other !== day) : [...chosen, day]);
  return (
    <details>
      <summary>{t("availability.copyTo", { day: nameOf(0) })}</summary>
      <div className="chips" role="group" aria-label={t("availability.copyTo", { day: nameOf(0) })}>
        {order
          .filter((day) => day !== 0)
          .map((day) => (
            <button type="button" className="chip" key={day} aria-pressed={chosen.includes(day)} onClick={() => change(day)}>
              {nameOf(day)}
            </button>
          ))}
      </div>
      <Button isDisabled={chosen.length === 0} onPress={() => onCopy(chosen)}>
        {t("availability.copy")}
      </Button>
    </details>
  );
}
