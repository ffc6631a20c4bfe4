import { useSyncExternalStore } from "react";

/** As the style sheets have it. */
const PHONE = matchMedia("(max-width: 760px)");

const subscribe = (changed: () => void) => {
  PHONE.addEventListener("change", changed);
  return () => PHONE.removeEventListener("change", changed);
};

/** Whether the window is as narrow as a phone: where a screen is another one there, and not the same in other places. */
export const usePhone = (): boolean => useSyncExternalStore(subscribe, () => PHONE.matches);
