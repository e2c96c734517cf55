import { FALSE, TRUE, type Truth3, UNKNOWN } from './truth.ts';

/**
 * A time of the week. `days`: 0 is Sunday; undefined: every day. `fromMinute` and `toMinute`: minutes of the day, the end not
 * included; an end before its start is on the next day, and the day counts that it began on. `zone`: an IANA name; undefined: the
 * device's.
 */
export type Period = {
  readonly days: readonly number[] | undefined;
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly zone: string | undefined;
};

export const DAY_MINUTES = 1440;
const MINUTE_MS = 60_000;

/** Unknown where the time or the zone cannot be told. */
export function matchPeriod(period: Period, nowMs: number, deviceOffsetMinutes: number): Truth3 {
  const offset = period.zone === undefined ? deviceOffsetMinutes : zoneOffsetMinutes(period.zone, nowMs);
  const minutes = offset === undefined ? Number.NaN : Math.floor(nowMs / MINUTE_MS) + offset;
  if (!Number.isSafeInteger(minutes)) return UNKNOWN;
  const day = Math.floor(minutes / DAY_MINUTES);
  const minute = minutes - day * DAY_MINUTES;
  const { fromMinute, toMinute } = period;
  if (fromMinute < toMinute) return minute >= fromMinute && minute < toMinute && isOn(period, day) ? TRUE : FALSE;
  return (minute >= fromMinute && isOn(period, day)) || (minute < toMinute && isOn(period, day - 1)) ? TRUE : FALSE;
}

/** The epoch was a Thursday. */
export function weekdayOf(day: number): number {
  return (((day + 4) % 7) + 7) % 7;
}

function isOn({ days }: Period, day: number): boolean {
  return days === undefined || days.includes(weekdayOf(day));
}

export function isZone(name: string): boolean {
  return formatOf(name) !== undefined;
}

/** `ahead`: when zones next may change what they are; offsets hold for a quarter of an hour at least. */
type Zone = { readonly format: Intl.DateTimeFormat | undefined; quarter: number; offset: number | undefined };
const zones = new Map<string, Zone>();
const QUARTER_MS = 15 * MINUTE_MS;
const MAX_ZONES = 1000;

/** Minutes east of UTC of a zone at a time; undefined: there is no such zone. */
export function zoneOffsetMinutes(name: string, nowMs: number): number | undefined {
  let zone = zones.get(name);
  if (zone === undefined) {
    if (zones.size >= MAX_ZONES) zones.clear();
    zone = { format: formatOf(name), quarter: Number.NaN, offset: undefined };
    zones.set(name, zone);
  }
  const quarter = Math.floor(nowMs / QUARTER_MS);
  if (zone.format === undefined || !Number.isSafeInteger(quarter)) return undefined;
  if (zone.quarter !== quarter) {
    zone.offset = offsetAt(zone.format, quarter * QUARTER_MS);
    zone.quarter = quarter;
  }
  return zone.offset;
}

function formatOf(name: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat('en-GB', { timeZone: name, timeZoneName: 'longOffset', hour: '2-digit' });
  } catch {
    return undefined;
  }
}

function offsetAt(format: Intl.DateTimeFormat, atMs: number): number | undefined {
  if (Math.abs(atMs) > 8.64e15) return undefined;
  const name = format.formatToParts(atMs).find(({ type }) => type === 'timeZoneName')?.value ?? '';
  const [, sign, hours, minutes] = /^GMT(?:([+-])([0-9]{2}):([0-9]{2}))?/.exec(name) ?? [];
  if (sign === undefined) return name.startsWith('GMT') ? 0 : undefined;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}
