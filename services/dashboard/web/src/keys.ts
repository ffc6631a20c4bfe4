/** Single-letter keys: only outside fields, never with a modifier or while a word is being composed; can be switched off. */
import { useEffect, useRef } from "react";

const OFF = "slotstream-keys-off";
const SEQUENCE = 1_000;

export const keysAreOff = (): boolean => localStorage.getItem(OFF) === "1";
export const switchKeys = (off: boolean): void => (off ? localStorage.setItem(OFF, "1") : localStorage.removeItem(OFF));

let first = "";
let firstAt = 0;

/** `"g c"` is G and then C within a second. The latest part of the screen that knows a key takes it. */
export function useShortcuts(shortcuts: Record<string, (event: KeyboardEvent) => void>): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.getModifierState("AltGraph")) return;
      const target = event.target as HTMLElement;
      if (target.closest("input, textarea, select, [contenteditable], [role=listbox], [role=menu], [role=dialog]")) return;
      // Enter on something that can be pressed presses it.
      if (event.key === "Enter" && target.closest("button, a, summary")) return;
      if (event.key.length === 1 && keysAreOff()) return;
      // A layout without Latin letters still has the key where the letter would be.
      const latin = /^[\x20-\x7e]$/.test(event.key) || event.key.length > 1;
      const key = latin ? event.key.toLowerCase() : event.code.replace("Key", "").replace("Digit", "").toLowerCase();
      const sequence = `${first} ${key}`;
      const run = (event.timeStamp - firstAt < SEQUENCE && latest.current[sequence]) || latest.current[key];
      if (run) {
        event.preventDefault();
        run(event);
      }
    };
    const remember = (event: KeyboardEvent) => {
      first = event.key.toLowerCase();
      firstAt = event.timeStamp;
    };
    window.addEventListener("keydown", pressed);
    window.addEventListener("keyup", remember);
    return () => {
      window.removeEventListener("keydown", pressed);
      window.removeEventListener("keyup", remember);
    };
  }, []);
}
