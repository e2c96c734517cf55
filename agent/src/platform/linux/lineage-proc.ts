import { closeSync, openSync, readlinkSync, readSync } from 'node:fs';

/** Of /proc/PID/stat. See proc(5). */
export type ProcessLink = { readonly parent: number; readonly terminal: number; readonly startTicks: number };

/** Real, effective, saved and file system uid. */
export type ProcessUids = readonly [number, number, number, number];

const LARGEST = 64 * 1024;
const buffer = Buffer.alloc(LARGEST);

/** The beginning of a file of the kernel's, as bytes. Undefined: there is none, or it may not be read. */
export function readKernelFile(path: string, maxBytes: number = LARGEST): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    const limit = Math.min(maxBytes, LARGEST);
    let length = 0;
    for (;;) {
      const got = readSync(fd, buffer, length, limit - length, null);
      length += got;
      if (got === 0 || length === limit) return buffer.toString('latin1', 0, length);
    }
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

export function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

/** The name is in brackets and may hold anything, brackets included: fields are counted from the last one. */
export function parseLink(stat: string): ProcessLink | undefined {
  const close = stat.lastIndexOf(')');
  if (close < 0) return undefined;
  const fields = stat.slice(close + 2).split(' ');
  // fields[0] is field 3 (state) of proc(5): ppid is 4, tty_nr 7, starttime 22.
  const [parent, terminal, startTicks] = [whole(fields[1]), whole(fields[4]?.replace('-', '')), whole(fields[19])];
  if (parent === undefined || terminal === undefined || startTicks === undefined) return undefined;
  return { parent, terminal: (fields[4]?.startsWith('-') === true ? -terminal : terminal) >>> 0, startTicks };
}

/** From the first lines of /proc/PID/status, which escapes line ends in the name. */
export function parseUids(status: string): ProcessUids | undefined {
  const line = /\nUid:\t(\d{1,10})\t(\d{1,10})\t(\d{1,10})\t(\d{1,10})\n/.exec(status);
  return line === null ? undefined : [Number(line[1]), Number(line[2]), Number(line[3]), Number(line[4])];
}

/**
 * Where systemd keeps a process: the unified hierarchy's path, or else that of its own named one; `/` and a path in which somebody
 * else's folders could pass for systemd's are none.
 */
export function parseControlGroup(text: string): string | undefined {
  const lines = text.split('\n');
  const line = lines.find((one) => /^[0-9]+:name=systemd:/.test(one)) ?? lines.find((one) => one.startsWith('0::'));
  const path = line?.slice(line.indexOf(':', line.indexOf(':') + 1) + 1);
  return path?.startsWith('/') === true && path.length > 1 && !path.split('/').includes('..') ? path : undefined;
}

function whole(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,15}$/.test(text)) return undefined;
  return Number(text);
}
