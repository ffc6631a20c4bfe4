/** Which rows are selected. Pure: the order is that of the rows as they are shown. */

export type Selection = {
  ids: ReadonlySet<string>;
  /** How many matched, where all of them were selected. */
  all: number | null;
  /** The row that was selected last: a range begins there. */
  last?: string;
  /** While a range is drawn by keys: where it began, and what was selected before. */
  drawn?: { from: string; before: ReadonlySet<string> };
};

export const NONE: Selection = { ids: new Set(), all: null };

/** From one to `to`, whichever comes first; `to` alone where the other is no longer shown. */
function between(order: readonly string[], one: string, to: string): string[] {
  const [start, end] = [order.indexOf(one), order.indexOf(to)].sort((a, b) => a - b) as [number, number];
  return start < 0 ? [to] : order.slice(start, end + 1);
}

/** Whether all of them are shown, and each is an erased client's: of those alone nothing is written. */
export function areAllErased({ ids }: Selection, rows: readonly { id: string; client: { name: string } }[]): boolean {
  return ids.size > 0 && rows.filter(({ id, client }) => ids.has(id) && !client.name).length === ids.size;
}

/** One more, or one less; as a `range` all from the one that was selected last. */
export function toggled(known: Selection, id: string, range: boolean, order: readonly string[]): Selection {
  const ids = new Set(known.ids);
  if (range && known.last) for (const other of between(order, known.last, id)) ids.add(other);
  else if (!ids.delete(id)) ids.add(id);
  return { ids, all: null, last: id };
}

/** From the row where it began to `to`, and nothing that it has gone back over. Elsewhere than at its end another begins. */
export function drawn(known: Selection, from: string, to: string, order: readonly string[]): Selection {
  const range = known.drawn && known.last === from ? known.drawn : { from, before: known.ids };
  return { ids: new Set([...range.before, ...between(order, range.from, to)]), all: null, last: to, drawn: range };
}
