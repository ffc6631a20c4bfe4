import { useTranslation } from "react-i18next";
import { withCommand } from "../keys";
import { Sheet } from "../ui/Sheet";

/** By where they work. The name of a key's text is the key, where no other place has the same. */
const KEYS: Readonly<Record<string, readonly (readonly [key: string, text: string])[]>> = {
  everywhere: [["/", "/"], [withCommand("K"), "command"], ["N", "N"], ["G C", "G_C"], ["G A", "G_A"], ["G L", "G_L"], ["G M", "G_M"], ["G R", "G_R"], ["Esc", "Esc"], ["?", "help"]],
  list: [["J ↓", "J"], ["K ↑", "K"], ["⇧ ↑ ↓", "range"], ["X", "X"], ["Enter", "Enter"]],
  current: [["C", "confirm"], ["D", "complete"], ["R", "reschedule"], ["M", "message"], ["E", "edit"]],
  calendar: [["T", "T"], ["D", "D"], ["3", "3"], ["W", "W"], ["← →", "period"], ["Space", "Space"]],
};

export function Help({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Sheet title={t("keys.title")} onClose={onClose} wide>
      {Object.entries(KEYS).map(([where, keys]) => (
        <section key={where}>
          <h3>{t(`keys.in.${where}`)}</h3>
          <dl className="keys">
            {keys.map(([key, text]) => (
              <div key={key}>
                <dt>
                  <kbd>
                    <bdi dir="ltr">{key}</bdi>
                  </kbd>
                </dt>
                <dd>{where === "current" ? t(`verb.${text}`) : t(`keys.${text}`)}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Sheet>
  );
}
