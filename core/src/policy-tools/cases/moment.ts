import { zoneOffsetMinutes } from '../../policy/period.ts';

const MINUTE_MS = 60_000;
const SHAPE = /^([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(Z|[+-][0-9]{2}:[0-9]{2})?$/;

/** Unix ms. Without an offset it is the time in `zone` (undefined: UTC). Undefined: no time. */
export function parseMoment(text: string, zone: string | undefined): number | undefined {
  const [, date, time, offset] = SHAPE.exec(text) ?? [];
  const written = Date.parse(`${date}T${time}${offset ?? 'Z'}`);
  // 2026-02-30 would be taken for a day in March.
  if (date === undefined || Number.isNaN(written) || new Date(`${date}T00:00:00Z`).toISOString().slice(0, 10) !== date) return undefined;
  return offset !== undefined || zone === undefined ? written : localMoment(written, zone);
}

/** The offset is known once the time is; of a time that a clock shows twice, one of the two. */
function localMoment(written: number, zone: string): number {
  const first = written - (zoneOffsetMinutes(zone, written) ?? 0) * MINUTE_MS;
  return written - (zoneOffsetMinutes(zone, first) ?? 0) * MINUTE_MS;
}
