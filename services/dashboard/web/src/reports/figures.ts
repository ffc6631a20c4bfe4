/** The few numbers that a report says first. */
export type Line = Record<string, string | number | null>;
export type Figure = { column: string; value: number; currency?: string };

/** Asked for by business: told by staff, an appointment of two of them counts twice. */
const COLUMNS: Record<string, readonly string[]> = {
  "no-shows": ["rate", "no_shows", "completed"],
  volume: ["appointments", "completed", "cancelled", "no_shows"],
  revenue: ["earned", "expected", "lost"],
};
export const hasTotals = (report: string): boolean => report in COLUMNS;

/** One line of totals, or one for each currency. */
export const figuresOf = (report: string, totals: readonly Line[]): Figure[] =>
  totals.flatMap((line) => (COLUMNS[report] ?? []).map((column) => ({ column, value: Number(line[column] ?? 0), ...(line.currency ? { currency: String(line.currency) } : {}) })));

/** Of people, where there are any: a room is open as long as they are. */
export function utilisationOf(lines: readonly Line[]): Figure[] {
  const people = lines.filter((line) => line.kind === "staff");
  const counted = people.length ? people : lines;
  const sum = (column: string) => counted.reduce((all, line) => all + Number(line[column] ?? 0), 0);
  const [open, booked] = [sum("open_minutes"), sum("booked_minutes")];
  return [...(open ? [{ column: "rate", value: booked / open }] : []), { column: "booked_minutes", value: booked }, { column: "open_minutes", value: open }];
}
