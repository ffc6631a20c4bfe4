/** Writes what was kept into the fields it was typed in, as they come up, until another screen is gone to. */
import i18next from "i18next";
import { address, type Kept, places, type Typed } from "./typed";
import { toast } from "./ui/toasts";

/** As if it were typed: React hears of what the browser's own setter is told. */
function write(field: Typed, value: string): void {
  const own = field instanceof HTMLTextAreaElement ? HTMLTextAreaElement.prototype : HTMLInputElement.prototype;
  Object.getOwnPropertyDescriptor(own, "value")?.set?.call(field, value);
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

export function putBack(kept: Kept): void {
  let left = kept.fields;
  const look = () => {
    if (address() !== kept.address) return observer.disconnect();
    const shown = places();
    const found = left.flatMap((wanted) => shown.filter((place) => place.name === wanted.name && place.around === wanted.around && place.nth === wanted.nth).map(({ field }) => ({ wanted, field })));
    if (!found.length) return;
    left = left.filter((wanted) => !found.some((one) => one.wanted === wanted));
    if (!left.length) observer.disconnect();
    for (const { wanted, field } of found) write(field, wanted.value);
    toast(i18next.t("error.putBack"));
  };
  const observer = new MutationObserver(look);
  observer.observe(document.body, { childList: true, subtree: true });
  look();
}
