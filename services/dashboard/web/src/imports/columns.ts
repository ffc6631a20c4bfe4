/** Which column of a file is which of our fields: as it was guessed, unless somebody has chosen otherwise. */

/** Their column by our field. */
export type Columns = Readonly<Record<string, string>>;
/** Our field by their column, where one was chosen. */
export type Chosen = Readonly<Record<string, string>>;

export const NOT = "none";

/** A choice outlives another reading of the file, where its column is still there. */
export function columnsOf(guessed: Columns, chosen: Chosen, headers: readonly string[]): Columns {
  const standing = Object.entries(chosen).filter(([header]) => headers.includes(header));
  const untouched = Object.entries(guessed).filter(([, header]) => chosen[header] === undefined);
  return { ...Object.fromEntries(untouched), ...Object.fromEntries(standing.filter(([, field]) => field !== NOT).map(([header, field]) => [field, header])) };
}

/** A field is that of one column: the one that had it by choice has none then. */
export const choose = (chosen: Chosen, header: string, field: string): Chosen => ({ ...Object.fromEntries(Object.entries(chosen).map(([other, had]) => [other, had === field ? NOT : had])), [header]: field });
