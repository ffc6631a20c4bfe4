/** Single-letter keys: only outside fields, never with a modifier or while a word is being composed; can be switched off. */
import { useEffect, useRef } from "react";

const OFF = "slotstream-keys-off";
const SEQUENCE = 1_000;

export const keysAreOff = (): boolean => localStorage.getItem(OFF) === "1";
export const switchKeys = (off: boolean): void => (off ? localStorage.setItem(OFF, "1") : localStorage.removeItem(OFF));

/** What is pressed with a letter for a command of the application: ⌘ on Apple's keyboards, Ctrl on others. */
const APPLE = /Mac|iPhone|iPad/.test(navigator.platform);
export const withCommand = (letter: string): string => (APPLE ? `⌘${letter}` : `Ctrl ${letter}`);

/** A layout without Latin letters still has the key where the letter would be. */
function nameOf(event: KeyboardEvent): string {
  const latin = /^[\x20-\x7e]$/.test(event.key) || event.key.length > 1;
  return latin ? event.key.toLowerCase() : event.code.replace("Key", "").replace("Digit", "").toLowerCase();
}

/** Where letters are written, and what has keys of its own. A check box takes no letter. */
const FIELDS = "input:not([type=checkbox]), textarea, select, [contenteditable], [role=listbox], [role=menu], [role=dialog]";

/** What goes on for as long as it is held. Anything else is done once. */
const HELD = new Set(["j", "k", "arrowup", "arrowdown", "arrowleft", "arrowright"]);

let first = "";
let firstAt = 0;

/** What a key does; `false` where it does nothing now, and is left to whoever else knows it. */
export type Shortcut = (event: KeyboardEvent) => unknown;

/** `"g c"` is G and then C within a second. The first part of the screen that knows a key takes it. */
export function useShortcuts(shortcuts: Record<string, Shortcut>): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || event.ctrlKey || event.metaKey || event.altKey || event.getModifierState("AltGraph")) return;
      const target = event.target as HTMLElement;
      if (target.closest(FIELDS)) return;
      // Enter on something that can be pressed presses it.
      if (event.key === "Enter" && target.closest("button, a, summary")) return;
      if (event.key.length === 1 && keysAreOff()) return;
      const key = nameOf(event);
      if (event.repeat && !HELD.has(key)) return;
      const sequence = `${first} ${key}`;
      const run = (event.timeStamp - firstAt < SEQUENCE && latest.current[sequence]) || latest.current[key];
      if (run && run(event) !== false) event.preventDefault();
    };
    const remember = (event: KeyboardEvent) => {
      first = nameOf(event);
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

/** ⌘ or Ctrl with a letter: also in fields, and not among what can be switched off. */
export function useCommandKey(letter: string, run: () => unknown): void {
  const latest = useRef(run);
  latest.current = run;
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.isComposing || event.altKey || event.shiftKey) return;
      if (!(APPLE ? event.metaKey : event.ctrlKey) || nameOf(event) !== letter) return;
      event.preventDefault();
      latest.current();
    };
    window.addEventListener("keydown", pressed);
    return () => window.removeEventListener("keydown", pressed);
  }, [letter]);
}
