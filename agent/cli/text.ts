import type { PolicyVersion } from '@belay/proto/local';

/** Names and messages come from elsewhere: a terminal must not act on them. */
export function inert(text: string): string {
  // SECURITY(T-29): no control, no format and no line-separating characters reach the terminal.
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{FFFD}');
}

/** "3 s", "4 min", "5 h", "6 days". */
export function ageOf(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 48 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

/** "90 s", "30m", "12h", "2d" in ms; undefined: no such time. */
export function spanMs(text: string): number | undefined {
  const found = /^([0-9]{1,7})\s*(s|m|min|h|d)$/.exec(text.trim());
  const unit = { s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 }[found?.[2] ?? ''];
  const ms = Number(found?.[1]) * (unit ?? 0);
  return unit === undefined || ms === 0 ? undefined : ms;
}

/** `name  text`, a line each. */
export function fieldLines(fields: readonly (readonly [name: string, text: string])[]): string {
  return fields.map(([name, text]) => `${name.padEnd(10)} ${inert(text)}\n`).join('');
}

/** "number 12, issued 2 h ago, good for another 6 days". */
export function versionText({ number, issuedMs, expiresMs }: Pick<PolicyVersion, 'number' | 'issuedMs' | 'expiresMs'>, nowMs: number): string {
  const left = Number(expiresMs) - nowMs;
  const expiry = expiresMs === 0n ? '' : left > 0 ? `, good for another ${ageOf(left)}` : `, EXPIRED ${ageOf(-left)} ago`;
  return `number ${number}, issued ${ageOf(nowMs - Number(issuedMs))} ago${expiry}`;
}

export function versionJson(version: PolicyVersion | undefined): object | null {
  if (version === undefined) return null;
  return { epoch: version.epoch, number: Number(version.number), issuedMs: Number(version.issuedMs), expiresMs: Number(version.expiresMs) };
}

/** Whether the terminal of this locale shows more than ASCII; the first that is set decides, as in setlocale(3). */
export function showsUnicode(environment: Readonly<Record<string, string | undefined>>): boolean {
  const locale = [environment['LC_ALL'], environment['LC_CTYPE'], environment['LANG']].find((value) => value !== undefined && value !== '');
  return /utf-?8/i.test(locale ?? '');
}
