import { lstatSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { posix } from 'node:path';

const ZONES = '/usr/share/zoneinfo';
const MAX_LINKS = 8;
const LARGEST_ZONE_BYTES = 64 * 1024;

/**
 * The device's time zone by its IANA name, as localtime(5) has it: where the link /etc/localtime leads; `UTC` where there is no
 * /etc/localtime, as in the C library. Undefined: the device keeps a local time whose name cannot be told, or one that we do not know.
 * A link or two are read each time, so a zone that was set is seen at once. `root`: where the machine's file system starts.
 */
export function readTimeZone(root: string = '/'): string | undefined {
  const base = root.replace(/\/+$/, '');
  try {
    const stats = lstatSync(`${base}/etc/localtime`, { throwIfNoEntry: false });
    if (stats === undefined) return namedZone(base) ?? 'UTC';
    return stats.isSymbolicLink() ? linkedZone(base) : copiedZone(base);
  } catch {
    return undefined;
  }
}

/** The first name on the way that lies in a folder of zones: what somebody chose, where zones are links to one another. */
function linkedZone(base: string): string | undefined {
  let path = '/etc/localtime';
  for (let left = MAX_LINKS; left > 0 && lstatSync(`${base}${path}`).isSymbolicLink(); left--) {
    path = posix.resolve(posix.dirname(path), readlinkSync(`${base}${path}`));
    const name = /\/zoneinfo\/(?:posix\/)?(.+)$/.exec(path)?.[1];
    if (name !== undefined) return knownZone(name);
  }
  return undefined;
}

/** A file of its own has no name in it. Debian's /etc/timezone tells it, unless somebody has changed only one of the two. */
function copiedZone(base: string): string | undefined {
  const name = namedZone(base);
  if (name === undefined) return undefined;
  const [own, named] = [`${base}/etc/localtime`, `${base}${ZONES}/${name}`];
  if ([own, named].some((path) => statSync(path).size > LARGEST_ZONE_BYTES)) return undefined;
  return readFileSync(own).equals(readFileSync(named)) ? name : undefined;
}

function namedZone(base: string): string | undefined {
  const path = `${base}/etc/timezone`;
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined || !stats.isFile() || stats.size > 256) return undefined;
  return knownZone(readFileSync(path, 'latin1').trim());
}

let last: { readonly name: string; readonly zone: string | undefined } = { name: 'UTC', zone: 'UTC' };

/** A name that the policy's clock can reckon with. Names of files only: `+01:00` is none. */
function knownZone(name: string): string | undefined {
  if (name !== last.name) last = { name, zone: /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+){0,2}$/.test(name) && isKnown(name) ? name : undefined };
  return last.zone;
}

function isKnown(name: string): boolean {
  try {
    zoneOffsetAt(name, 0);
    return true;
  } catch {
    return false;
  }
}

const NS_PER_MS = 1_000_000n;
const NS_PER_MINUTE = 60e9;

/**
 * Minutes east of UTC of a zone that `readTimeZone` told, at a time. By Temporal: Intl, which the policy's own zones are reckoned with, takes
 * thirty milliseconds when it is first asked, and that would be the first request's.
 */
export function zoneOffsetAt(zone: string, nowMs: number): number {
  return Math.round(new Temporal.ZonedDateTime(BigInt(Math.trunc(nowMs)) * NS_PER_MS, zone).offsetNanoseconds / NS_PER_MINUTE);
}
