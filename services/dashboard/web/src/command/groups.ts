/** What the command menu offers, and what of it fits the words that were typed. */
import type { IconName } from "../ui/Icon";

export type Command = { id: string; name: string; icon?: IconName; detail?: string; keys?: string; danger?: boolean; run: () => void };
export type Group = { id: string; name: string; commands: readonly Command[] };

/** Whether every word is somewhere in the text; `contains` knows the language's letters. */
export const fits = (text: string, typed: string, contains: (text: string, word: string) => boolean): boolean =>
  typed.split(/\s+/).every((word) => !word || contains(text, word));

/** Groups without what does not fit, and without those where nothing is left. */
export function fitting(groups: readonly Group[], typed: string, contains: (text: string, word: string) => boolean): Group[] {
  return groups.map((group) => ({ ...group, commands: group.commands.filter((command) => fits(command.name, typed, contains)) })).filter((group) => group.commands.length > 0);
}

export const commandOf = (groups: readonly Group[], id: string): Command | undefined => groups.flatMap((group) => group.commands).find((command) => command.id === id);
