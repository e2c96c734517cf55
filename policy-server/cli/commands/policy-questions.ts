import type { CompiledPolicy } from '@belay/core/policy';
import { InvalidArgumentError } from 'commander';
import { problemLines } from '../api.ts';
import { note, type OutputOptions, print, wantsJson } from '../command.ts';
import { Ended } from '../exit-codes.ts';
import { inert } from '../text.ts';
import { readPolicyFiles } from './policy-files.ts';

/** How much of the terminal's alphabet may be used. */
export type Script = { readonly text: (text: string) => string; readonly marks: Readonly<Record<'true' | 'false' | 'unknown', string>> };

/** Signs where the locale is UTF-8; else ASCII alone, what others wrote included. */
export function scriptOf(environment: Readonly<Record<string, string | undefined>> = process.env): Script {
  const { LC_ALL: all, LC_CTYPE: ctype, LANG: lang } = environment;
  const locale = [all, ctype, lang].find((each) => each !== undefined && each !== '') ?? '';
  if (/utf-?8/i.test(locale)) return { text: inert, marks: { true: '✓', false: '✗', unknown: '?' } };
  return { text: (text) => inert(text).replace(/[^\u0020-\u007e]/gu, (character) => `\\u{${(character.codePointAt(0) as number).toString(16)}}`), marks: { true: '+', false: '-', unknown: '?' } };
}

type Criterion = { readonly criterion: string; readonly truth: 'true' | 'false' | 'unknown'; readonly wants: string; readonly found?: string | undefined };

const NAMES: Readonly<Record<string, string>> = { bytes: 'text', failure: 'in force', run: 'command', except: 'exceptions', as: 'run as', pin: 'sha256', environment: 'variables', cwd: 'folder', terminal: 'terminal', networks: 'network' };
const NAME_WIDTH = 11;

/** A line each: whether it holds, what it wants and, where it does not, what there was. */
export function criterionLines(criteria: readonly Criterion[], { text, marks }: Script, indent: string): string {
  return criteria.map(({ criterion, truth, wants, found }) => {
    const said = truth === 'true' ? wants : `wants ${wants}${found === undefined ? '' : `; found ${found}`}${truth === 'unknown' ? ' (not known)' : ''}`;
    return `${indent}${marks[truth]} ${(NAMES[criterion] ?? criterion).padEnd(NAME_WIDTH)} ${text(said)}\n`;
  }).join('');
}

const MANY = 20;

/** The first of many. */
export function listText(items: readonly string[]): string {
  return items.length <= MANY ? items.join(', ') : `${items.slice(0, MANY).join(', ')} and ${items.length - MANY} more`;
}

/** Policies of files, as devices would have them. Undefined: they have errors, which are told. */
export async function compiledFiles(paths: readonly string[], options: OutputOptions): Promise<readonly CompiledPolicy[] | undefined> {
  const files = await readPolicyFiles(paths);
  const { compilePolicy, parsePolicyFiles } = await import('@belay/core/policy-tools');
  const parsed = parsePolicyFiles(files);
  if (parsed.ok) return parsed.value.map(compilePolicy);
  const count = parsed.error.length;
  if (wantsJson(options)) print(options, { ok: false, problems: parsed.error }, () => '');
  else note(`${problemLines(parsed.error)}belayctl: ${count === 1 ? 'one error' : `${count} errors`}`);
  return undefined;
}

/** "a,b" and repeated options are one list. */
export function collectNames(value: string, before: readonly string[] = []): readonly string[] {
  const names = value.split(',').filter((name) => name !== '');
  if (names.length === 0) throw new InvalidArgumentError('Write names, separated by commas.');
  return [...before, ...names];
}

/** USER, USER:GROUP or :GROUP. */
export function parseRunAs(text: string): { readonly user?: string; readonly group?: string } {
  const [, user, group] = /^([^:]*)(?::([^:]+))?$/.exec(text) ?? [];
  if (user === undefined || (user === '' && group === undefined)) throw new InvalidArgumentError('Write USER, USER:GROUP or :GROUP.');
  return { ...(user === '' ? {} : { user }), ...(group === undefined ? {} : { group }) };
}

/** KEY=VALUE, repeated. */
export function collectLabel(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Write KEY=VALUE.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** What the library finds wrong with a question is told as wrong usage. */
export function valid<T>(parsed: { readonly success: true; readonly data: T } | { readonly success: false; readonly error: { readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[] } }): T {
  if (parsed.success) return parsed.data;
  throw new Ended('usage', parsed.error.issues.slice(0, 10).map(({ path, message }) => inert(`${path.join('.')}: ${message}`)).join('; '));
}

export function quoted(words: readonly string[]): string {
  return words.map((word) => (/^[^\s"'\\]+$/u.test(word) ? word : JSON.stringify(word))).join(' ');
}
