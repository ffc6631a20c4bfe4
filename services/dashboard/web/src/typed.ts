/** What is typed outlives a page that is left although nobody wanted to: for another release, or to sign in again. */

const KEY = "slotstream-typed";
const KINDS = new Set(["text", "email", "tel", "number", "date", "url", "textarea"]);

export type Typed = HTMLInputElement | HTMLTextAreaElement;
/** `around`: the sheet or the row it stands in, so that nothing is written into the field of another one. */
export type Place = { name: string; around: string; nth: number };
export type Kept = { user: string; address: string; fields: (Place & { value: string })[] };

export const address = (): string => location.pathname + location.search;
const nameOf = (field: Typed): string => (field.labels?.[0]?.textContent ?? field.getAttribute("aria-label") ?? "").trim();

function aroundOf(field: Typed): string {
  const part = field.closest("[role=dialog], li, tr");
  return part ? (part.querySelector("h1, h2, h3, b") ?? part).textContent.trim().slice(0, 100) : "";
}

/** Every field that is shown now and could be kept, with where it is found again. */
export function places(): (Place & { field: Typed })[] {
  const before = new Map<string, number>();
  return [...document.querySelectorAll<Typed>("input, textarea")].flatMap((field) => {
    if (!KINDS.has(field.type) || field.readOnly) return [];
    const [name, around] = [nameOf(field), aroundOf(field)];
    const nth = before.get(`${around}\n${name}`) ?? 0;
    before.set(`${around}\n${name}`, nth + 1);
    return [{ name, around, nth, field }];
  });
}

let user: string | null = null;
let typedAt = new WeakMap<Element, string>();
const note = ({ target }: Event) => target instanceof Element && typedAt.set(target, address());

/** From now on; what was kept for this user is handed out once. */
export function keepTypedOf(id: string): Kept | null {
  user = id;
  document.addEventListener("input", note, true);
  const text = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  const kept = text ? (JSON.parse(text) as Kept) : null;
  return kept?.user === id ? kept : null;
}

/** Before the page is left: what was typed on the screen that is shown. */
export function keepTyped(): void {
  if (user === null) return;
  const fields = places().flatMap(({ field, ...place }) => (typedAt.get(field) === address() ? [{ ...place, value: field.value }] : []));
  try {
    if (fields.length) sessionStorage.setItem(KEY, JSON.stringify({ user, address: address(), fields } satisfies Kept));
  } catch {
    // The browser keeps nothing: the page is left all the same.
  }
}

/** Whoever signs out leaves nothing behind. */
export function forgetTyped(): void {
  user = null;
  typedAt = new WeakMap();
}
