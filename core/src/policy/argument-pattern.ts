import { type ByteString, decodeUtf8, encodeUtf8 } from '../bytes.ts';
import { err, ok, type Result } from '../result.ts';
import type { ArgumentSpec } from './compiled.ts';
import { compileRegex, MAX_REGEX_TEXT, type Regex } from './regular-expression.ts';
import { FALSE, or, TRUE, type Truth3, UNKNOWN } from './truth.ts';

/**
 * Arguments are matched one by one, as bytes, never joined (T-05).
 *
 *   `*`        exactly one argument, whatever it is
 *   `**`       any number of further arguments; only as the last pattern
 *   `--n=*`    inside a pattern `*` stands for any bytes but `/`; a path component that is only `*` is not empty
 *   `/srv/**`  at the end of a pattern, after `/` or `=`: any bytes, `/` too
 *   `\*` `\\`  the characters themselves
 *
 * A regular expression matches the whole argument; a path that climbs is matched by it as it is written, so it should not be used
 * for paths. Of alternatives one must match.
 *
 * `.` and `..` as a path component never satisfy a wildcard: such an argument gives *unknown* where it could lead to a
 * match, so an allow does not hold and a deny does.
 */
export type ArgumentsMatcher = { readonly each: readonly ArgumentPattern[]; readonly rest: boolean };

export type ArgumentPattern =
  | { readonly kind: 'any' }
  | { readonly kind: 'literal'; readonly bytes: string }
  | {
      readonly kind: 'glob';
      /** By path component; a component is the literal pieces between its stars. */
      readonly components: readonly (readonly string[])[];
      /** Ends in `**`. */
      readonly open: boolean;
      /** The same with stars that cross `/`: what could match once the path is resolved. */
      readonly loose: readonly string[];
    }
  | { readonly kind: 'regex'; readonly regex: Regex }
  | { readonly kind: 'either'; readonly of: readonly ArgumentPattern[] };

/** What is wrong with a pattern, in words for whoever wrote it. */
export type PatternFault = { readonly message: string; readonly remedy: string };

export function compileArguments(patterns: readonly ArgumentSpec[]): Result<ArgumentsMatcher, PatternFault & { readonly index: number }> {
  const each: ArgumentPattern[] = [];
  for (const [index, pattern] of patterns.entries()) {
    if (pattern === '**') {
      if (index === patterns.length - 1) return ok({ each, rest: true });
      return err({ index, message: '"**" stands for the rest of the arguments, so nothing may follow it', remedy: 'Move it to the end, or use "*" for one argument.' });
    }
    const compiled = compileSpec(pattern);
    if (!compiled.ok) return err({ index, ...compiled.error });
    each.push(compiled.value);
  }
  return ok({ each, rest: false });
}

export function compileSpec(spec: ArgumentSpec): Result<ArgumentPattern, PatternFault> {
  if (typeof spec === 'string') return compilePattern(spec);
  if ('regex' in spec) {
    const regex = compileRegex(spec.regex);
    return regex.ok ? ok({ kind: 'regex', regex: regex.value }) : regex;
  }
  const of: ArgumentPattern[] = [];
  for (const pattern of spec.either) {
    const compiled = compilePattern(pattern);
    if (!compiled.ok) return compiled;
    of.push(compiled.value);
  }
  return ok({ kind: 'either', of });
}

/** The pattern that matches this very argument, and no other. */
export function literalPattern(argument: string): string {
  return argument.replace(/[\\*]/g, String.raw`\$&`);
}

const STAR = -1;
const OPEN = -2;

export function compilePattern(pattern: string): Result<ArgumentPattern, PatternFault> {
  if (pattern === '*') return ok({ kind: 'any' });
  const symbols = readSymbols(encodeUtf8(pattern));
  if (!symbols.ok) return symbols;
  const list = symbols.value;
  if (!list.some((symbol) => typeof symbol === 'number')) return ok({ kind: 'literal', bytes: list.join('') });
  const open = list.at(-1) === OPEN;
  const body = open ? list.slice(0, -1) : list;
  return ok({ kind: 'glob', components: componentsOf(body), open, loose: piecesOf(open ? [...body, STAR] : body) });
}

type Symbols = (string | typeof STAR | typeof OPEN)[];

/** Characters and stars, with the escapes resolved. */
function readSymbols(pattern: ByteString): Result<Symbols, PatternFault> {
  const symbols: Symbols = [];
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern.charAt(at);
    const next = pattern.charAt(at + 1);
    if (char === '\\') {
      if (next !== '*' && next !== '\\') {
        return err({ message: 'A backslash stands before "*" or another backslash only', remedy: 'Write \\\\ for a backslash itself.' });
      }
      symbols.push(next);
      at++;
    } else if (char === '*' && next === '*') {
      if (at + 2 !== pattern.length || !/[/=]$/.test(pattern.slice(0, at))) {
        return err({ message: '"**" inside an argument stands at its end only, after "/" or "="', remedy: 'For instance /srv/www/** or --file=**; elsewhere use "*".' });
      }
      symbols.push(OPEN);
      at++;
    } else {
      symbols.push(char === '*' ? STAR : char);
    }
  }
  return ok(symbols);
}

function componentsOf(symbols: Symbols): string[][] {
  const components: string[][] = [];
  let start = 0;
  for (let at = 0; at <= symbols.length; at++) {
    if (at < symbols.length && symbols[at] !== '/') continue;
    components.push(piecesOf(symbols.slice(start, at)));
    start = at + 1;
  }
  return components;
}

function piecesOf(symbols: Symbols): string[] {
  const pieces = [''];
  for (const symbol of symbols) {
    if (typeof symbol === 'number') pieces.push('');
    else pieces[pieces.length - 1] += symbol;
  }
  return pieces;
}

export function matchArguments(matcher: ArgumentsMatcher, args: readonly ByteString[]): Truth3 {
  const { each, rest } = matcher;
  if (rest ? args.length < each.length : args.length !== each.length) return FALSE;
  let truth: Truth3 = TRUE;
  for (let i = 0; i < each.length; i++) {
    const one = matchArgument(each[i] as ArgumentPattern, args[i] as ByteString);
    if (one === FALSE) return FALSE;
    if (one < truth) truth = one;
  }
  return truth;
}

export function matchArgument(pattern: ArgumentPattern, argument: ByteString): Truth3 {
  if (pattern.kind === 'any') return TRUE;
  if (pattern.kind === 'literal') return matchLiteral(pattern.bytes, argument);
  if (pattern.kind === 'regex') return matchRegex(pattern.regex, argument);
  if (pattern.kind === 'either') return pattern.of.reduce<Truth3>((truth, each) => or(truth, matchArgument(each, argument)), FALSE);
  const shape = pathShapeOf(argument);
  // SECURITY(T-05): `/var/log/*` must not reach `/var/log/../../etc/shadow`.
  if (shape !== 'climbing' && matchGlob(pattern.components, pattern.open, argument)) return TRUE;
  if (shape === 'plain') return FALSE;
  const could = matchPieces(pattern.loose, argument) || matchGlob(pattern.components, pattern.open, normalized(argument));
  return could ? UNKNOWN : FALSE;
}

/** SECURITY(T-08): by an engine whose time grows with the text alone, on a text of bounded length. */
function matchRegex(regex: Regex, argument: ByteString): Truth3 {
  const text = argument.length > MAX_REGEX_TEXT ? undefined : decodeUtf8(argument);
  if (text === undefined) return UNKNOWN;
  return regex.matchesWhole(text) ? TRUE : FALSE;
}

function matchLiteral(wanted: string, argument: string): Truth3 {
  if (wanted === argument) return TRUE;
  if (wanted.charCodeAt(0) !== SLASH || argument.charCodeAt(0) !== SLASH || pathShapeOf(argument) === 'plain') return FALSE;
  // Another spelling of the same path: an allow does not hold for it, a deny does.
  return normalized(argument) === wanted ? UNKNOWN : FALSE;
}

const SLASH = 0x2f;

/** `climbing`: has a component `.` or `..`; `doubled`: has an empty one. */
function pathShapeOf(argument: string): 'plain' | 'doubled' | 'climbing' {
  if (argument === '.' || argument === '..' || /(?:^|\/)\.\.?(?:\/|$)/.test(argument)) return 'climbing';
  return argument.includes('//') ? 'doubled' : 'plain';
}

/** The same path without `.`, `..` and empty components, as if there were no links. */
function normalized(path: string): string {
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  return (path.startsWith('/') ? '/' : '') + kept.join('/');
}

function matchGlob(components: readonly (readonly string[])[], open: boolean, argument: string): boolean {
  const parts = argument.split('/');
  const last = components.length - 1;
  if (open ? parts.length <= last : parts.length !== components.length) return false;
  for (let i = 0; i < components.length; i++) {
    const pieces = components[i] as readonly string[];
    const part = parts[i] as string;
    const matched = open && i === last ? matchPieces([...pieces, ''], part) : matchComponent(pieces, part);
    if (!matched) return false;
  }
  return true;
}

function matchComponent(pieces: readonly string[], part: string): boolean {
  const bare = pieces.length > 1 && pieces.every((piece) => piece === '');
  return (!bare || part !== '') && matchPieces(pieces, part);
}

/** Literal pieces in their order with anything between: the first occurrence of each is as good as any. */
function matchPieces(pieces: readonly string[], text: string): boolean {
  const first = pieces[0] as string;
  const last = pieces[pieces.length - 1] as string;
  if (pieces.length === 1) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last) || text.length < first.length + last.length) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (let i = 1; i < pieces.length - 1; i++) {
    const piece = pieces[i] as string;
    const found = text.indexOf(piece, at);
    if (found < 0 || found + piece.length > end) return false;
    at = found + piece.length;
  }
  return true;
}

