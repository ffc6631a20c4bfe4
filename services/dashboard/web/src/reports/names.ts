/** What people call the keys of reports. */

const AN_HOUR = 3_600_000;
/** A Monday at midnight. */
const MONDAY = Date.UTC(2024, 0, 1);

/** Monday 0 … Sunday 6. */
export const weekdayName = (weekday: number, locale: string): string =>
  new Intl.DateTimeFormat(locale, { weekday: "long", timeZone: "UTC" }).format(MONDAY + weekday * 24 * AN_HOUR);

export const hourName = (hour: number, locale: string): string =>
  new Intl.DateTimeFormat(locale, { hour: "numeric", timeZone: "UTC" }).format(MONDAY + hour * AN_HOUR);

/** The name of a line of a report that is told by `by`. */
export function nameOf(by: string | undefined, key: string, locale: string): string {
  if (by === "weekday") return weekdayName(Number(key), locale);
  if (by === "hour") return hourName(Number(key), locale);
  if (by === "weekday_hour") return `${weekdayName(Number(key[0]), locale)}, ${hourName(Number(key.slice(2)), locale)}`;
  return key;
}
