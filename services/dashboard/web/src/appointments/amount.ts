/** An amount as the API takes it: null where none is typed, undefined where it is no amount. */
export function amountOf(typed: string): string | null | undefined {
  const amount = typed.trim().replace(",", ".");
  if (amount === "") return null;
  return /^\d{1,9}(\.\d{1,3})?$/.test(amount) ? amount : undefined;
}
