import { Ended } from './exit-codes.ts';

/** Names, commands and reasons were typed by others: the terminal must not act on them. */
export function inert(text: string): string {
  // SECURITY(T-29): no control, bidirectional or line-separating character reaches the terminal; it is shown as an escape.
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0) as number;
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** Each line inert; the line ends stay. */
export function inertLines(text: string): string {
  return text.split('\n').map((line) => inert(line.replaceAll('\t', '  '))).join('\n');
}

export type Column<T> = { readonly title: string; readonly of: (row: T) => string };

const GAP = 2;
const MIN_LAST = 20;

/** Columns as wide as they need; on a terminal the last one is cut at its edge. */
export function table<T>(rows: readonly T[], columns: readonly Column<T>[], width = process.stdout.isTTY ? process.stdout.columns : undefined): string {
  const cells = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ of }) => inert(of(row))))];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => (line[at] as string).length)));
  const before = widths.slice(0, -1).reduce((sum, each) => sum + each + GAP, 0);
  return cells.map((line) => line.map((cell, at) => {
    if (at < columns.length - 1) return cell.padEnd((widths[at] as number) + GAP);
    const room = width === undefined ? Number.POSITIVE_INFINITY : Math.max(MIN_LAST, width - before);
    return cell.length <= room ? cell : `${cell.slice(0, room - 1)}…`;
  }).join('').trimEnd()).join('\n') + '\n';
}

/** "name   value" lines. */
export function details(pairs: readonly (readonly [name: string, value: string])[]): string {
  const width = Math.max(...pairs.map(([name]) => name.length)) + GAP;
  return pairs.map(([name, value]) => `${name.padEnd(width)}${inert(value)}\n`).join('');
}

/** Local time to the second. */
export function timeText(ms: number | null): string {
  if (ms === null) return 'never';
  const at = new Date(ms - new Date(ms).getTimezoneOffset() * 60_000);
  return at.toISOString().slice(0, 19).replace('T', ' ');
}

const UNITS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const;

/** "90s", "15m", "12h", "30d", "2w" → ms. */
export function parseDuration(text: string): number {
  const parts = /^([1-9][0-9]{0,6})(s|m|h|d|w)$/.exec(text);
  if (parts === null) throw new Ended('usage', `This is not a duration: "${text}". Write for instance 30s, 15m, 12h, 30d or 2w.`);
  return Number(parts[1]) * UNITS[parts[2] as keyof typeof UNITS];
}

/** A duration ago, or a date with or without a time → Unix ms. */
export function parseWhen(text: string, nowMs: number): number {
  if (/^[1-9][0-9]{0,6}(s|m|h|d|w)$/.test(text)) return nowMs - parseDuration(text);
  const at = /^[0-9]{4}-[0-9]{2}-[0-9]{2}/.test(text) ? new Date(/^[0-9-]{10}$/.test(text) ? `${text}T00:00:00` : text.replace(' ', 'T')).getTime() : Number.NaN;
  if (Number.isNaN(at)) throw new Ended('usage', `This is not a time: "${text}". Write how long ago (15m, 12h, 30d) or a date such as 2026-11-23 or 2026-11-23T14:30.`);
  return at;
}
