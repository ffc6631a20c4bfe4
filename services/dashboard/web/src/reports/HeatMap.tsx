/** Weekdays by hours as a table. Each cell says its number; the shade only repeats it. */
import { useTranslation } from "react-i18next";
import { useBusiness } from "../business";
import { weekdaysFrom } from "../time";
import { hourName, weekdayName } from "./names";

export interface HeatCell {
  /** From 0 to 1, of the strongest shade. */
  share: number;
  text: string;
  /** How many appointments it speaks of; of a few, nothing is to be concluded. */
  count: number;
}

const FEW = 5;

/** `cells` by their keys: `0-09` is Monday at nine. */
export function HeatMap({ cells, caption }: { cells: ReadonlyMap<string, HeatCell>; caption: string }) {
  const { t, i18n } = useTranslation();
  const hours = [...new Set([...cells.keys()].map((key) => Number(key.slice(2))))].sort((a, b) => a - b);
  const [first = 0, last = -1] = [hours[0], hours.at(-1)];
  const columns = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  const rows = weekdaysFrom(useBusiness().clock.firstWeekday);
  return (
    <div className="heat-scroll" role="region" aria-label={caption} tabIndex={0}>
      <table className="heat">
        <caption>{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{t("reports.by_weekday")}</th>
            {columns.map((hour) => (
              <th key={hour} scope="col">
                {hourName(hour, i18n.language)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((weekday) => (
            <tr key={weekday}>
              <th scope="row">{weekdayName(weekday, i18n.language)}</th>
              {columns.map((hour) => {
                const cell = cells.get(`${weekday}-${String(hour).padStart(2, "0")}`);
                if (!cell) return <td key={hour} />;
                const strength = cell.count < FEW ? 0 : Math.round(cell.share * 100);
                return (
                  <td key={hour} className={cell.count < FEW ? "few" : undefined} style={{ backgroundColor: `color-mix(in srgb, var(--accent-soft) ${strength}%, transparent)` }}>
                    {cell.text}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
