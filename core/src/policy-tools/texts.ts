import * as z from 'zod';
import { compilePattern } from '../policy/argument-pattern.ts';

/** Every leaf's message tells what is wrong; `params.remedy` what to do. */
export type Fault = { readonly message: string; readonly remedy: string };
export type Check = (value: string) => Fault | undefined;

export function text(check: Check) {
  return z.string().superRefine((value, context) => {
    const wrong = check(value);
    if (wrong !== undefined) context.addIssue({ code: 'custom', message: wrong.message, params: { remedy: wrong.remedy } });
  });
}

export const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

export function label(what: string, longest: number): Check {
  return (value) => {
    if (value.trim() === '') return { message: `${what} is empty`, remedy: 'Write a few words.' };
    if (value.length > longest) return { message: `${what} is longer than ${longest} characters`, remedy: 'Shorten it.' };
    if (CONTROL.test(value)) return { message: `${what} holds a control or invisible character`, remedy: 'Remove it; this text is shown in terminals.' };
    return undefined;
  };
}

/** Messages and descriptions may have several lines. */
export function prose(what: string, longest: number): Check {
  const check = label(what, longest);
  return (value) => check(value.replace(/\n/g, ' '));
}

/** SECURITY(T-01): ASCII only, so that nothing looks like another policy's name and is not. */
export function documentName(what: string) {
  return text((value) =>
    /^[a-z0-9][a-z0-9._-]{0,62}$/.test(value)
      ? undefined
      : { message: `A ${what} name is 1 to 63 of a-z, 0-9, ".", "_" and "-", and begins with a letter or digit`, remedy: 'For instance developers or base-eu.' },
  ).meta({ description: `Unique among all of its kind.`, pattern: '^[a-z0-9][a-z0-9._-]{0,62}$' });
}

/** ASCII only, so that nothing looks like root and is not (T-01). */
const ACCOUNT = /^[A-Za-z0-9_.][A-Za-z0-9_.@\\ $-]{0,255}$/;
const MAX_ID = 0xffff_fffe;

export function accountFault(name: string, kind: 'user' | 'group'): Fault | undefined {
  if (/^[0-9]+$/.test(name)) return { message: `"${name}" is a number, not a name`, remedy: `Write ${kind === 'user' ? 'uid' : 'gid'}:${name}.` };
  return ACCOUNT.test(name) ? undefined : { message: `"${name}" is no ${kind} name`, remedy: 'Names are ASCII letters, digits and . _ - @ \\ $.' };
}

export function idFault(value: string): Fault | undefined {
  const isId = /^(?:0|[1-9][0-9]{0,9})$/.test(value) && Number(value) <= MAX_ID;
  return isId ? undefined : { message: `"${value}" is no id`, remedy: `Write a decimal number from 0 to ${MAX_ID}.` };
}

const SHELL_MEANING = /[*?$`{}~]/;

export const absolutePath = (what: string): Check => (value) => {
  if (!value.startsWith('/')) return { message: `${what} is an absolute path`, remedy: 'Write it in full, for instance /usr/bin/apt-get.' };
  // SECURITY(T-07): nothing in a policy is expanded, so what looks like it would be is refused.
  if (SHELL_MEANING.test(value)) return { message: 'Nothing in this path is expanded', remedy: 'Write it in full, without * ? $ ~ ` { }; wildcards belong into args.' };
  if (CONTROL.test(value)) return { message: 'The path holds a control or invisible character', remedy: 'Remove it.' };
  if (value.length > 4095) return { message: 'The path is longer than a path can be', remedy: 'Shorten it.' };
  return value !== '/' && /\/\.{0,2}(?:\/|$)/.test(value.replace(/\/$/, '')) ? { message: 'The path has a part that is empty, "." or ".."', remedy: 'Write it without.' } : undefined;
};

/** A file: not a folder's name. */
export const commandPath: Check = (value) => {
  if (!value.startsWith('/') || SHELL_MEANING.test(value)) return absolutePath('A command')(value);
  return value.endsWith('/') ? { message: 'The path names a folder', remedy: 'Name the file in it.' } : absolutePath('A command')(value);
};

export const glob = (what: string): Check => (value) => {
  if (value.includes('\0')) return { message: `${what} cannot hold a NUL byte`, remedy: 'Remove it.' };
  if (value.length > 1024) return { message: 'The pattern is longer than 1024 characters', remedy: 'Shorten it, with * for instance.' };
  const compiled = compilePattern(value);
  return compiled.ok ? undefined : compiled.error;
};

const UNIT_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const DAY_HOURS = 24;

/** Undefined when it is no duration. */
export function durationMs(value: string): number | undefined {
  const [, count, unit] = /^([0-9]{1,6})([smhd])$/.exec(value) ?? [];
  return count === undefined || unit === undefined ? undefined : Number(count) * (UNIT_MS[unit] as number);
}

export function duration(maxHours: number) {
  return text((value) => {
    const ms = durationMs(value);
    if (ms === undefined) return { message: `"${value}" is no length of time`, remedy: 'Write a number and s, m, h or d, for instance 5m.' };
    const longest = maxHours > DAY_HOURS ? `${maxHours / DAY_HOURS} days` : `${maxHours} hours`;
    return ms > maxHours * (UNIT_MS['h'] as number) ? { message: `Longer than ${longest}`, remedy: 'Shorten it.' } : undefined;
  }).meta({ description: 'For instance 30s, 5m, 1h, 2d.', pattern: '^[0-9]+[smhd]$' });
}
