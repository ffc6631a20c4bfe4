/** What the cards of every grid have in common: where they stand, and the walk from one to the next. */

/** Two custom properties, of which the style sheet makes a place. */
export const place = (from: number, minutes?: number) => ({ "--s": from, "--d": minutes }) as React.CSSProperties;

/** Arrows walk the cards: by time within a column, to the nearest of the next column sideways. */
export function walk(event: React.KeyboardEvent<HTMLElement>): void {
  if (!event.key.startsWith("Arrow") || event.altKey || event.ctrlKey || event.metaKey) return;
  const card = event.currentTarget;
  const column = card.closest("[data-column]");
  const grid = column?.parentElement;
  if (!column || !grid) return;
  const cards = (within: Element) => [...within.querySelectorAll<HTMLElement>("[data-card]")].sort((a, b) => a.offsetTop - b.offsetTop);
  event.preventDefault();
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const own = cards(column);
    own[own.indexOf(card) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
    return;
  }
  const columns = [...grid.querySelectorAll("[data-column]")];
  const rtl = getComputedStyle(card).direction === "rtl";
  const direction = (event.key === "ArrowRight" ? 1 : -1) * (rtl ? -1 : 1);
  for (let index = columns.indexOf(column) + direction; columns[index]; index += direction) {
    const near = cards(columns[index] as Element).sort((a, b) => Math.abs(a.offsetTop - card.offsetTop) - Math.abs(b.offsetTop - card.offsetTop))[0];
    if (near) {
      near.focus();
      return;
    }
  }
}
