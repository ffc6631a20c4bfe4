/** Formats of numbers, each made once: making one takes longer than drawing a row that needs it. */
const made = new Map<string, Intl.NumberFormat>();

export function numbers(locale: string, options: Intl.NumberFormatOptions = {}): Intl.NumberFormat {
  const key = `${locale} ${JSON.stringify(options)}`;
  let format = made.get(key);
  if (!format) {
    format = new Intl.NumberFormat(locale, options);
    made.set(key, format);
  }
  return format;
}
