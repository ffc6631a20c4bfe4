/** The dashed slot of what is being drawn on free ground: moved by hand, as the ghost of a card is. */
export type DrawnSlot = { columnId: string; top: number; height: number; text: string };

export function drawSlot(element: HTMLElement, scroller: HTMLElement, { columnId, top, height, text }: DrawnSlot): void {
  const column = scroller.querySelector<HTMLElement>(`[data-column="${CSS.escape(columnId)}"]`);
  if (!column) return;
  element.hidden = false;
  element.style.transform = `translate(${column.offsetLeft}px, ${column.offsetTop + top}px)`;
  element.style.inlineSize = `${column.offsetWidth}px`;
  element.style.blockSize = `${height}px`;
  const time = element.querySelector("bdi");
  if (time) time.textContent = text;
}
