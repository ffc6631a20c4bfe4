/** Which fields of a form are sent: what is not touched in it is left to whoever changes it elsewhere. */
export type Fields = Record<string, unknown>;

const isSame = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other);

/** Both have the same fields: `begun` as they were when the form was opened, `typed` as they stand in it. */
export const changedFields = <T extends Fields>(begun: T, typed: T): Partial<T> => Object.fromEntries(Object.entries(typed).filter(([name, value]) => !isSame(begun[name], value))) as Partial<T>;

/** Those that were changed here and, to something else, elsewhere as well. */
export const changedTwice = <T extends Fields>(begun: T, typed: T, now: T): (keyof T)[] => Object.keys(changedFields(begun, typed)).filter((name) => !isSame(begun[name], now[name]) && !isSame(typed[name], now[name]));
