/**
 * Puts appointments that were read anew into lists that are shown, without reading the lists. What a list held of them
 * is replaced, moved or taken out; what it holds in a newer version stays, for an answer may be older than it. Pure.
 */
import type { InfiniteData } from "@tanstack/react-query";
import type { Appointment, Page } from "./appointments";

/** The versions that were told of, by id; `ANY` where all that is known is that something may be new. */
export type Told = ReadonlyMap<string, number>;
export const ANY = Number.POSITIVE_INFINITY;

type Order = (one: Appointment, other: Appointment) => number;

/** What becomes of an appointment that a list holds (or does not): nothing, or the answer takes its place (or nothing does). */
function isOlder(told: number, known: Appointment | undefined, answer: Appointment | undefined): boolean {
  if (!known) return answer === undefined;
  return known.version > (answer ? answer.version : told);
}

const byText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);
/** Instants as the services write them: without the Z, what has no fraction comes before what has one. */
const byInstant = (one: string, other: string): number => byText(one.replace("Z", ""), other.replace("Z", ""));
export const byStart: Order = (one, other) => byInstant(one.starts_at, other.starts_at) || byText(one.id, other.id);

/** The order of a list, and null where only booking knows it: it compares names as people do, and prices by its own rank. */
export function orderOf(sort: string): Order | null {
  const key = sort.replace(/^-/, "");
  if (key !== "starts_at" && key !== "created_at" && key !== "updated_at") return null;
  const direction = sort.startsWith("-") ? -1 : 1;
  return (one, other) => direction * (byInstant(one[key], other[key]) || byText(one.id, other.id));
}

/** A window of the calendar, in the order of starts. The same array where nothing is new. */
export function patchWindow(items: readonly Appointment[], told: Told, answers: ReadonlyMap<string, Appointment>): readonly Appointment[] {
  const known = new Map(items.map((item) => [item.id, item]));
  const changed = [...told.keys()].filter((id) => !isOlder(told.get(id) ?? ANY, known.get(id), answers.get(id)));
  if (!changed.length) return items;
  const left = new Set(changed);
  const added = changed.map((id) => answers.get(id)).filter((answer) => answer !== undefined);
  return [...items.filter((item) => !left.has(item.id)), ...added].sort(byStart);
}

/** As much of a list as was read; null where it has to be read anew, since nobody but booking knows what goes where. */
export function patchPages(data: InfiniteData<Page>, sort: string, told: Told, answers: ReadonlyMap<string, Appointment>): InfiniteData<Page> | null {
  const pages = data.pages.map((page) => page.items);
  const places = new Map<string, { page: number; item: Appointment }>();
  for (const [page, items] of pages.entries()) for (const item of items) if (told.has(item.id)) places.set(item.id, { page, item });
  const order = orderOf(sort);
  const isOpen = Boolean(data.pages.at(-1)?.next_cursor);
  const last = pages.at(-1)?.at(-1);
  const touched = new Set<number>();
  const take = (page: number, items: Appointment[]) => {
    pages[page] = items;
    touched.add(page);
  };
  for (const [id, version] of told) {
    const answer = answers.get(id);
    const place = places.get(id);
    if (isOlder(version, place?.item, answer)) continue;
    const keepsPlace = answer && place && (order ? order(answer, place.item) === 0 : sameKeys(answer, place.item));
    if (keepsPlace) {
      take(place.page, (pages[place.page] ?? []).map((item) => (item.id === id ? answer : item)));
      continue;
    }
    // The next page begins after the last row: without that row, what stands between would be passed over.
    if (isOpen && place && id === last?.id) return null;
    if (answer && !order) return null;
    if (place) for (const [page, items] of pages.entries()) if (items.some((item) => item.id === id)) take(page, items.filter((item) => item.id !== id));
    if (!answer || !order) continue;
    const page = pageFor(pages, answer, order);
    if (page === null && isOpen) continue; // It comes with a page that is not read yet.
    const at = page ?? Math.max(0, pages.length - 1);
    take(at, inOrder(pages[at] ?? [], answer, order));
  }
  if (!touched.size) return data;
  return { ...data, pages: data.pages.map((page, index) => (touched.has(index) ? { ...page, items: pages[index] ?? [] } : page)) };
}

/** All that a list can be sorted by besides what every change touches. */
const sameKeys = (one: Appointment, other: Appointment): boolean =>
  one.starts_at === other.starts_at &&
  one.client.id === other.client.id &&
  one.client.name === other.client.name &&
  JSON.stringify([one.quoted_price, one.actual_price]) === JSON.stringify([other.quoted_price, other.actual_price]);

/** The page whose last row comes after it; null where none does. */
function pageFor(pages: readonly (readonly Appointment[])[], answer: Appointment, order: Order): number | null {
  const found = pages.findIndex((items) => {
    const end = items.at(-1);
    return end !== undefined && order(answer, end) < 0;
  });
  return found === -1 ? null : found;
}

function inOrder(items: readonly Appointment[], answer: Appointment, order: Order): Appointment[] {
  const at = items.findIndex((item) => order(answer, item) < 0);
  return at === -1 ? [...items, answer] : [...items.slice(0, at), answer, ...items.slice(at)];
}
