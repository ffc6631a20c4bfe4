/**
 * What an SMS costs, by the rules that notifications sends by (`domain/sms.py`, which tells the sources). A table of
 * texts holds both to the same: `services/notifications/tests/sms_sizes.json`. Pure.
 */
export type SmsSize = {
  encoding: "GSM-7" | "UCS-2";
  /** Septets in GSM-7, 16-bit units in UCS-2. */
  units: number;
  segments: number;
  /** How many units more fit into the parts that there are. */
  left: number;
};

const GSM = new Set("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà");
/** Two septets each: an escape, and a character. */
const GSM_EXTENSION = new Set("\f^{}\\[~]|€");

const SIGNS = new Map<string, string>([
  ...[..."\u2018\u2019\u201a\u201b\u2032\u2039\u203a\u00b4`"].map((sign) => [sign, "'"] as const),
  ...[..."\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"].map((sign) => [sign, '"'] as const),
  ...[..."\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2022\u00b7"].map((sign) => [sign, "-"] as const),
  ["\u2026", "..."],
  ...[..."\u2028\u2029\v\f"].map((sign) => [sign, "\n"] as const),
  ["\t", " "],
  ...[..."\u00ad\u200b\u2060\ufeff"].map((sign) => [sign, ""] as const),
]);

/** The text as it is sent: with spaces and typographic signs as GSM-7 has them, and every letter as it was. */
export function normalisedSms(text: string): string {
  const composed = text.replaceAll("\r\n", "\n").replaceAll("\r", "\n").normalize("NFC");
  return [...composed]
    .flatMap((sign) => [...(SIGNS.get(sign) ?? sign)])
    .map(plain)
    .join("")
    .trim();
}

function plain(sign: string): string {
  if (/\p{Zs}/u.test(sign)) return " ";
  return /\p{Cc}/u.test(sign) && sign !== "\n" ? "" : sign;
}

/** How the text is encoded, and into how many parts it is split: 160 septets or parts of 153, 70 or 67 units. */
export function smsSize(text: string): SmsSize {
  const signs = [...text];
  const isGsm = signs.every((sign) => GSM.has(sign) || GSM_EXTENSION.has(sign));
  const widths = signs.map((sign) => (isGsm ? (GSM_EXTENSION.has(sign) ? 2 : 1) : sign.length));
  const [alone, each] = isGsm ? [160, 153] : [70, 67];
  const units = widths.reduce((sum, width) => sum + width, 0);
  const parts = units <= alone ? [units] : filled(widths, each);
  const room = parts.length === 1 ? alone : each;
  return { encoding: isGsm ? "GSM-7" : "UCS-2", units, segments: parts.length, left: room - (parts.at(-1) ?? 0) };
}

/** What is two units wide is never split over two parts. */
function filled(widths: readonly number[], each: number): number[] {
  const parts = [0];
  for (const width of widths) {
    if ((parts.at(-1) ?? 0) + width > each) parts.push(0);
    parts[parts.length - 1] = (parts.at(-1) ?? 0) + width;
  }
  return parts;
}

/** The first sign that GSM-7 does not have, for which every part holds less; null where it has all. */
export function strangerTo(text: string): string | null {
  return [...text].find((sign) => !GSM.has(sign) && !GSM_EXTENSION.has(sign)) ?? null;
}
