import { closeFile, openFile, readFile } from './files.ts';

/** What /proc says of one process. See proc(5). */
export type ProcessStatus = {
  readonly realUid: number;
  readonly effectiveUid: number;
  readonly realGid: number;
  readonly groups: readonly number[];
};
export type ProcessStat = { readonly sessionId: number; readonly terminal: number; readonly startTicks: number };

/** Undefined: no such process, or a form that is not understood. */
export function readStatus(pid: number): ProcessStatus | undefined {
  return parseStatus(readProc(`/proc/${pid}/status`));
}

export function readStat(pid: number): ProcessStat | undefined {
  return parseStat(readProc(`/proc/${pid}/stat`));
}

/** A status with tens of thousands of groups is larger; then the caller is refused rather than half known. */
const LARGEST = 256 * 1024;
const buffer = Buffer.alloc(LARGEST);

/** One read(2): /proc gives the whole of a small file at once. Empty: none, or too large. */
function readProc(path: string): string {
  const fd = openFile(path);
  if (fd < 0) return '';
  try {
    let length = 0;
    for (;;) {
      const got = readFile(fd, length === 0 ? buffer : buffer.subarray(length));
      if (got < 0) return '';
      length += got;
      // A short read ends with the file's last line.
      if (got === 0 || buffer[length - 1] === NEWLINE) return length < LARGEST ? buffer.toString('latin1', 0, length) : '';
    }
  } finally {
    closeFile(fd);
  }
}

const NEWLINE = 10;

export function parseStatus(text: string): ProcessStatus | undefined {
  const uids = numbersAfter(text, '\nUid:');
  const gids = numbersAfter(text, '\nGid:');
  const supplementary = numbersAfter(text, '\nGroups:');
  const [realUid, effectiveUid] = uids ?? [];
  const realGid = gids?.[0];
  if (realUid === undefined || effectiveUid === undefined || realGid === undefined || supplementary === undefined) return undefined;
  const groups = supplementary.includes(realGid) ? supplementary : [realGid, ...supplementary];
  return { realUid, effectiveUid, realGid, groups };
}

function numbersAfter(text: string, label: string): number[] | undefined {
  const start = text.indexOf(label);
  if (start < 0) return undefined;
  const end = text.indexOf('\n', start + label.length);
  const fields = text.slice(start + label.length, end < 0 ? undefined : end).split(/[\t ]+/).filter((field) => field !== '');
  const numbers = fields.map(Number);
  return numbers.every((value) => Number.isSafeInteger(value) && value >= 0) ? numbers : undefined;
}

/** The name is in brackets and may hold anything, brackets included: fields are counted from the last one. */
export function parseStat(text: string): ProcessStat | undefined {
  const close = text.lastIndexOf(')');
  if (close < 0) return undefined;
  const fields = text.slice(close + 2).split(' ', 20);
  // fields[0] is field 3 (state) of proc(5): session is 6, tty_nr 7, starttime 22.
  const [sessionId, terminal, startTicks] = [fields[3], fields[4], fields[19]].map(Number);
  if (![sessionId, terminal, startTicks].every(Number.isSafeInteger)) return undefined;
  return { sessionId: sessionId as number, terminal: (terminal as number) >>> 0, startTicks: startTicks as number };
}
