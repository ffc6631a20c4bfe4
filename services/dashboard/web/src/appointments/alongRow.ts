/** A row of the list is one stop for Tab: arrows lead to what stands in it, mirrored from right to left. */
export function alongRow(event: React.KeyboardEvent<HTMLElement>): void {
  if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
  const sideways = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
  if (!sideways && event.key !== "Home" && event.key !== "End") return;
  const row = event.currentTarget;
  const parts = [...row.querySelectorAll<HTMLElement>("input, button")].filter((part) => part.getClientRects().length > 0);
  const mirrored = getComputedStyle(row).direction === "rtl" ? -1 : 1;
  const at = parts.indexOf(document.activeElement as HTMLElement);
  const to = event.key === "Home" ? 0 : event.key === "End" ? parts.length - 1 : at + sideways * mirrored;
  event.preventDefault();
  parts[to]?.focus();
}
