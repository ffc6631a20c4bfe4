/**
 * Every rule about time in the browser. Instants are milliseconds since 1970 (`Instant`), days are `YYYY-MM-DD` in a
 * business's zone (`Day`). Nothing here reads the browser's own zone: an appointment is where its business is.
 */
import { CalendarDate, type ZonedDateTime, fromAbsolute, parseDate, toZoned } from "@internationalized/date";
import { numbers } from "./numbers";

export type Instant = number;
export type Day = string;
export type Zone = string;

export const MINUTE = 60_000;
export const DAY_MINUTES = 1440;
const NO_BREAK = "\u00a0";

export const now = (): Instant => Date.now();
/** Of an RFC 3339 text. */
export const instantOf = (text: string): Instant => Date.parse(text);
/** RFC 3339 in UTC, without fractions. */
export const isoOf = (instant: Instant): string => new Date(instant).toISOString().replace(".000Z", "Z");

export const inZone = (instant: Instant, zone: Zone): ZonedDateTime => fromAbsolute(instant, zone);

/** The day of an instant. A list asks it of ten thousand rows: the zone's rules are asked once for each day in UTC. */
export function dayOf(instant: Instant, zone: Zone): Day {
  const offset = offsetAt(Math.floor(instant / DAY), zone);
  if (offset !== offsetAt(Math.floor(instant / DAY) + 1, zone)) {
    // The clock changes on this day.
    const local = inZone(instant, zone);
    return new CalendarDate(local.year, local.month, local.day).toString();
  }
  return new Date(instant + offset).toISOString().slice(0, -"T00:00:00.000Z".length);
}

const DAY = DAY_MINUTES * MINUTE;
const offsets = new Map<Zone, Map<number, number>>();
const MOST_OFFSETS = 10_000;

/** By how much the zone's clock is ahead of UTC when a day in UTC begins; days are counted from 1970. */
function offsetAt(utcDay: number, zone: Zone): number {
  let ofZone = offsets.get(zone);
  if (!ofZone) offsets.set(zone, (ofZone = new Map()));
  const known = ofZone.get(utcDay);
  if (known !== undefined) return known;
  if (ofZone.size >= MOST_OFFSETS) ofZone.clear();
  const { offset } = inZone(utcDay * DAY, zone);
  ofZone.set(utcDay, offset);
  return offset;
}

const starts = new Map<string, Instant>();
const MOST_STARTS = 1_000;

/**
 * The first instant of a day: where midnight is skipped by a clock change, the first that exists. Remembered, since a
 * calendar asks for the same few days for each of its cards, and the zone's rules are slow to ask.
 */
export function startOfDay(day: Day, zone: Zone): Instant {
  const key = `${day} ${zone}`;
  const known = starts.get(key);
  if (known !== undefined) return known;
  if (starts.size >= MOST_STARTS) starts.clear();
  const start = toZoned(parseDate(day), zone).toDate().getTime();
  starts.set(key, start);
  return start;
}

export const addDays = (day: Day, days: number): Day => parseDate(day).add({ days }).toString();

export const addMonths = (day: Day, months: number): Day => parseDate(day).add({ months }).toString();

export function isDay(text: string): boolean {
  try {
    return parseDate(text).toString() === text;
  } catch {
    return false;
  }
}

const lengths = new Map<string, number>();

/** 23, 24, 25 hours and the odd ones between, in minutes. Remembered, as its start is. */
export function lengthOfDay(day: Day, zone: Zone): number {
  const key = `${day} ${zone}`;
  const known = lengths.get(key);
  if (known !== undefined) return known;
  if (lengths.size >= MOST_STARTS) lengths.clear();
  const length = (startOfDay(addDays(day, 1), zone) - startOfDay(day, zone)) / MINUTE;
  lengths.set(key, length);
  return length;
}

/** Monday 0 … Sunday 6, as the services count. */
export const weekdayOf = (day: Day): number => (new Date(`${day}T00:00:00Z`).getUTCDay() + 6) % 7;

export const daysFrom = (first: Day, count: number): Day[] => Array.from({ length: count }, (_, index) => addDays(first, index));

/** The week that holds `day`, from `firstWeekday` (0 Monday, 6 Sunday). */
export const startOfWeek = (day: Day, firstWeekday = 0): Day => addDays(day, -((weekdayOf(day) - firstWeekday + 7) % 7));

/** The seven weekdays in the order in which they are shown. */
export const weekdaysFrom = (firstWeekday: number): number[] => Array.from({ length: 7 }, (_, index) => (firstWeekday + index) % 7);

type WeekInfo = { firstDay: number };
type WithWeek = Intl.Locale & { getWeekInfo?: () => WeekInfo; weekInfo?: WeekInfo };

/** The weekday (Monday 0 … Sunday 6) on which a week begins there. */
export function firstWeekdayOf(locale: string): number {
  const known = new Intl.Locale(locale) as WithWeek;
  const info = known.getWeekInfo?.() ?? known.weekInfo;
  return info ? (info.firstDay + 6) % 7 : firstWeekdayByRegion(locale);
}

const SATURDAY = new Set("AF BH DJ DZ EG IQ IR JO KW LY OM QA SD SY".split(" "));
const SUNDAY = new Set(
  "AG AS BD BR BS BT BW BZ CA CO DM DO ET GT GU HK HN ID IL IN IS JM JP KE KH KR LA MH MM MO MT MX MZ NI NP PA PE PH PK PR PT PY SA SG SV TH TT TW UM US VE VI WS YE ZA ZW".split(" "),
);

/** As CLDR has it, for browsers whose Intl does not tell (Firefox). */
export function firstWeekdayByRegion(locale: string): number {
  const { region = "" } = new Intl.Locale(locale).maximize();
  if (SATURDAY.has(region)) return 5;
  return SUNDAY.has(region) ? 6 : region === "MV" ? 4 : 0;
}

/** Minutes passed since the day began: what the calendar's axis counts, right also on the days of a clock change. */
export const minutesInto = (instant: Instant, day: Day, zone: Zone): number => (instant - startOfDay(day, zone)) / MINUTE;

/** The same clock time on another day; a time the clock skips moves on by what is skipped, of a repeated one the first. */
export function sameClockOn(instant: Instant, day: Day, zone: Zone): Instant {
  const local = inZone(instant, zone);
  return toZoned(parseDate(day), zone).set({ hour: local.hour, minute: local.minute, second: local.second }).toDate().getTime();
}

export type AtClock = { kind: "exact"; instant: Instant } | { kind: "skipped"; next: Instant } | { kind: "twice"; instants: [Instant, Instant] };

/** The instant of a clock time on a day, or what is wrong with it there. */
export function atClock(day: Day, minutes: number, zone: Zone): AtClock {
  const start = startOfDay(day, zone);
  const matches: Instant[] = [];
  let next: Instant | null = null;
  const length = lengthOfDay(day, zone);
  for (let passed = 0; passed < length; passed += 1) {
    const instant = start + passed * MINUTE;
    const local = inZone(instant, zone);
    const clock = local.hour * 60 + local.minute;
    if (clock === minutes) matches.push(instant);
    if (next === null && clock > minutes) next = instant;
  }
  const [first, second] = matches;
  if (first !== undefined && second !== undefined) return { kind: "twice", instants: [first, second] };
  if (first !== undefined) return { kind: "exact", instant: first };
  return { kind: "skipped", next: next ?? startOfDay(addDays(day, 1), zone) };
}

const DIGITS = /[\u0660-\u0669\u06f0-\u06f9]/g;

/** Minutes since midnight of a typed time ("9", "930", "9.30 pm", "noon", Arabic digits); null for what is no time. */
export function parseTypedTime(text: string): number | null {
  const plain = text
    .trim()
    .toLowerCase()
    .replace(DIGITS, (digit) => String((digit.codePointAt(0) ?? 0) & 0xf));
  if (plain === "noon" || plain === "midday") return 720;
  if (plain === "midnight") return 0;
  const match = /^(\d{1,4})(?:[:.h٫](\d{1,2}))?\s*(a\.?m?\.?|p\.?m?\.?|ص|م)?$/.exec(plain);
  if (!match) return null;
  const [, whole = "", part, half] = match;
  if (part !== undefined && (whole.length > 2 || part.length !== 2)) return null;
  let hour = Number(part === undefined && whole.length > 2 ? whole.slice(0, -2) : whole);
  const minute = Number(part ?? (whole.length > 2 ? whole.slice(-2) : 0));
  if (minute > 59) return null;
  if (half) {
    if (hour < 1 || hour > 12) return null;
    hour = (hour % 12) + (half.startsWith("p") || half === "م" ? 12 : 0);
  }
  return hour > 23 ? null : hour * 60 + minute;
}

const MOST_RANGES = 1_000;

export class Clock {
  private readonly cache = new Map<string, Intl.DateTimeFormat>();
  private readonly ranges = new Map<string, string>();

  constructor(
    readonly locale: string,
    readonly zone: Zone,
  ) {}

  /** Monday 0 … Sunday 6: where a week begins for the reader. */
  get firstWeekday(): number {
    return firstWeekdayOf(this.locale);
  }

  private format(key: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
    let format = this.cache.get(key);
    if (!format) {
      format = new Intl.DateTimeFormat(this.locale, { timeZone: this.zone, ...options });
      this.cache.set(key, format);
    }
    return format;
  }

  time(instant: Instant): string {
    return this.format("time", { hour: "2-digit", minute: "2-digit" }).format(instant);
  }

  /** Of a range, as the language writes it. Remembered: a full day has few ranges, and writing one is slow. */
  range(from: Instant, to: Instant): string {
    const key = `${from} ${to}`;
    const known = this.ranges.get(key);
    if (known !== undefined) return known;
    if (this.ranges.size >= MOST_RANGES) this.ranges.clear();
    const range = this.format("time", { hour: "2-digit", minute: "2-digit" }).formatRange(from, to);
    this.ranges.set(key, range);
    return range;
  }

  /** "Mon 23 Nov". */
  shortDay(instant: Instant): string {
    return this.format("shortDay", { weekday: "short", day: "numeric", month: "short" }).format(instant);
  }

  /** The same, with its year where that is not this one. */
  datedDay(instant: Instant): string {
    if (inZone(instant, this.zone).year === inZone(now(), this.zone).year) return this.shortDay(instant);
    return this.format("datedDay", { weekday: "short", day: "numeric", month: "short", year: "numeric" }).format(instant);
  }

  longDay(instant: Instant): string {
    return this.format("longDay", { weekday: "long", day: "numeric", month: "long" }).format(instant);
  }

  fullDay(instant: Instant): string {
    return this.format("fullDay", { weekday: "long", day: "numeric", month: "long", year: "numeric" }).format(instant);
  }

  month(instant: Instant): string {
    return this.format("month", { month: "long", year: "numeric" }).format(instant);
  }

  weekday(instant: Instant): string {
    return this.format("weekday", { weekday: "short" }).format(instant);
  }

  /** "M": where there is no room for more. */
  weekdayLetter(instant: Instant): string {
    return this.format("weekdayLetter", { weekday: "narrow" }).format(instant);
  }

  weekdayName(instant: Instant): string {
    return this.format("weekdayName", { weekday: "long" }).format(instant);
  }

  dayNumber(instant: Instant): string {
    return this.format("dayNumber", { day: "numeric" }).format(instant);
  }

  dayAndTime(instant: Instant): string {
    return `${this.shortDay(instant)}, ${this.time(instant)}`;
  }

  /** "UTC+2", which tells the two passes of a repeated hour apart. */
  offset(instant: Instant): string {
    const parts = this.format("offset", { hour: "2-digit", timeZoneName: "shortOffset" }).formatToParts(instant);
    return parts.find((part) => part.type === "timeZoneName")?.value.replace("GMT", "UTC") ?? "";
  }

  /** "Berlin": the place that names the zone. */
  get place(): string {
    return this.zone.split("/").at(-1)?.replaceAll("_", " ") ?? this.zone;
  }
}

/** "45 min", "1 h 30 min", in the language; with `inHours` "24 h" for what may be another time of the next day. */
export function duration(minutes: number, locale: string, inHours = false): string {
  // A number and its unit stand on one line.
  const unit = (value: number, name: "hour" | "minute" | "day") =>
    numbers(locale, { style: "unit", unit: name, unitDisplay: "short" }).format(value).replace(" ", NO_BREAK);
  const days = inHours ? 0 : Math.floor(minutes / DAY_MINUTES);
  const hours = Math.floor((minutes - days * DAY_MINUTES) / 60);
  const rest = Math.round(minutes % 60);
  const parts = [days && unit(days, "day"), hours && unit(hours, "hour"), rest && unit(rest, "minute")].filter(Boolean);
  return parts.join(" ") || unit(0, "minute");
}

/** "4:05" of what is left; never less than nothing. */
export function countdown(left: number): string {
  const seconds = Math.max(0, Math.ceil(left / 1_000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** Under an hour relative ("in 12 min"), else null: the caller shows the time. */
export function relative(instant: Instant, at: Instant, locale: string): string | null {
  const minutes = Math.round((instant - at) / MINUTE);
  if (Math.abs(minutes) >= 60) return null;
  return new Intl.RelativeTimeFormat(locale, { style: "short", numeric: "auto" }).format(minutes, "minute");
}
