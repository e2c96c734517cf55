import { matchArgument } from '../../policy/argument-pattern.ts';
import { type ByteString } from '../../bytes.ts';
import { TRUE } from '../../policy/truth.ts';
import type { Judged } from './entry.ts';
import { behind, literalOf, OPEN, STAR, type Symbols, type Written, writtenOf } from './symbols.ts';
import { type Known, type OptionSet, type Spelling, spelledOut } from './syntax.ts';
import { isPathHeld, leavesOpen } from './value.ts';

/** One way in which a program may read an argument as options. */
export type Reading = {
  /** The escape's option is there, its value the requester's. */
  readonly opens: boolean;
  /** What becomes of the following arguments: `judge`, the value of the escape's own option; a closing option's value; so many to leave out. */
  readonly takes: 'judge' | Spelling | number;
  readonly ends: boolean;
  /** An option that the escape needs is there. */
  readonly meets: boolean;
};

const PLAIN: Reading = { opens: false, takes: 0, ends: false, meets: false };
const SKIPS: Reading = { ...PLAIN, takes: 1 };

/** Every reading that leaves the escape possible; none when the argument closes it. */
export function readOptions(written: Written, options: OptionSet, judged: Judged): readonly Reading[] {
  const { literal } = written;
  if (literal === undefined) return readPattern(written, options, judged);
  if (literal.startsWith('--') || options.named.size > 0) {
    const named = readNamed(literal, options, judged);
    if (named !== undefined) return named;
  }
  return literal.startsWith('--') ? [PLAIN] : readCluster(literal, options, judged);
}

function readNamed(literal: string, options: OptionSet, judged: Judged): readonly Reading[] | undefined {
  const colon = [...options.named.keys()].find((text) => text.endsWith(':') && literal.startsWith(text));
  if (colon !== undefined) return [readKnown(options.named.get(colon) as Known, literal.slice(colon.length), judged) ?? []].flat();
  const equals = literal.indexOf('=');
  const name = equals < 0 ? literal : literal.slice(0, equals);
  const value = equals < 0 ? undefined : literal.slice(equals + 1);
  const one = options.named.get(name);
  const candidates = one !== undefined ? [one] : options.syntax.abbreviate && name.length > 2 && name.startsWith('--') ? beginningWith(name, options) : [];
  if (candidates.length === 0) return undefined;
  // Ambiguous beginnings are the program's error or one of these: all are possible.
  return candidates.flatMap((known) => readKnown(known, value, judged) ?? []);
}

function beginningWith(name: string, options: OptionSet): readonly Known[] {
  return [...options.named.values()].filter(({ spelling }) => spelling.text.startsWith(name));
}

/** Undefined: it closes the escape. */
function readKnown({ spelling, role }: Known, value: string | undefined, judged: Judged): Reading | undefined {
  const { ends, isHarmlessBare } = spelling;
  const missing = value === undefined && spelling.value === 'needed';
  if (role === 'closes') {
    if (spelling.wanted === undefined) return undefined;
    if (missing) return { ...PLAIN, takes: spelling, ends };
    return satisfies(spelling, (value ?? '').split('')) ? undefined : PLAIN;
  }
  if (role !== 'opens') return { ...PLAIN, takes: missing ? 1 : 0, ends, meets: role === 'meets' };
  if (missing) return { ...PLAIN, takes: 'judge', ends };
  return { ...PLAIN, opens: value === undefined ? isHarmlessBare !== true : leavesOpen(judged, value.split('')), ends };
}

export function satisfies(spelling: Spelling, value: Symbols): boolean {
  return spelling.wanted === '<path>' ? value[0] === '/' && isPathHeld(value) : literalOf(value) === spelling.wanted;
}

function readCluster(literal: string, options: OptionSet, judged: Judged): readonly Reading[] {
  let opens = false;
  let meets = false;
  for (let at = 1; at < literal.length; at++) {
    const known = options.letters.get(literal.charAt(at));
    if (known === undefined) {
      if (options.syntax.cluster) continue;
      return [PLAIN];
    }
    const rest = literal.slice(at + 1);
    const takesNone = known.spelling.value === 'none';
    if (takesNone && !options.syntax.cluster && rest !== '') return [PLAIN];
    const reading = readKnown(known, takesNone || rest === '' ? undefined : rest, judged);
    if (reading === undefined) return [];
    opens ||= reading.opens;
    meets ||= reading.meets;
    if (!takesNone || reading.ends) return [{ ...reading, opens, meets }];
  }
  return [{ ...PLAIN, opens, meets }];
}

function readUnknownBundle(options: OptionSet, judged: Judged): readonly Reading[] {
  const readings = readPattern(writtenOf({ kind: 'any' }), options, judged);
  for (let takes = 2; takes <= MAX_BUNDLED_VALUES; takes++) readings.push({ ...PLAIN, takes });
  return readings;
}

const MAX_BUNDLED_VALUES = 3;

/** The first argument of `tar xf`: letters without a dash; those that take a value take the next arguments in turn. */
export function readBundle(written: Written, options: OptionSet, judged: Judged): readonly Reading[] {
  if (written.literal === undefined) return readUnknownBundle(options, judged);
  const letters = written.literal.split('').flatMap((letter) => options.letters.get(letter) ?? []);
  const taking = letters.filter(({ spelling }) => spelling.value === 'needed');
  const [only] = taking;
  if (only === undefined || taking.length > 1) {
    return [{ ...PLAIN, opens: letters.some(({ role }) => role === 'opens'), takes: Math.min(taking.length, MAX_BUNDLED_VALUES) }];
  }
  const bare = readKnown(only, undefined, judged);
  const opens = letters.some((known) => known !== only && known.role === 'opens');
  return bare === undefined ? [] : [{ ...bare, opens: bare.opens || opens }];
}

function readPattern(written: Written, options: OptionSet, judged: Judged): Reading[] {
  // An option that takes a value may swallow whatever is written next, `--` included.
  const readings: Reading[] = written.head.includes('=') ? [PLAIN] : [PLAIN, SKIPS];
  for (const spelling of options.opens) readings.push(...optionIn(written, spelling, options, judged));
  if (options.meets.some((spelling) => optionIn(written, spelling, options, judged).length > 0)) {
    readings.push({ ...PLAIN, meets: true }, { ...SKIPS, meets: true });
  }
  return readings;
}

function optionIn(written: Written, spelling: Spelling, options: OptionSet, judged: Judged): readonly Reading[] {
  return spelling.shape === 'letter' ? letterIn(written.symbols, spelling, options, judged) : nameIn(written, spelling, options, judged);
}

function nameIn(written: Written, spelling: Spelling, options: OptionSet, judged: Judged): readonly Reading[] {
  const readings: Reading[] = [];
  for (const text of spelledOut(spelling, options.syntax)) {
    if (matchArgument(written.pattern, text as ByteString) === TRUE) readings.push(bare(spelling));
    const value = spelling.value === 'none' ? undefined : behind(written.symbols, text.endsWith(':') ? text : `${text}=`);
    if (value !== undefined) readings.push({ ...PLAIN, opens: leavesOpen(judged, value), ends: spelling.ends });
  }
  return readings;
}

function bare(spelling: Spelling): Reading {
  const needed = spelling.value === 'needed';
  return { ...PLAIN, opens: !needed && spelling.isHarmlessBare !== true, takes: needed ? 'judge' : 0, ends: spelling.ends };
}

/** The letter of a cluster that the pattern may spell. */
function letterIn(symbols: Symbols, spelling: Spelling, options: OptionSet, judged: Judged): readonly Reading[] {
  const letter = spelling.text.charAt(1);
  for (let at = 0; at < symbols.length; at++) {
    const symbol = symbols[at] as string | number;
    if (symbol === STAR || symbol === OPEN) {
      if (at > 1 && !options.syntax.cluster) return [];
      return letterWithin(symbols.slice(at), spelling, judged);
    }
    if (at === 0) {
      if (symbol !== '-') return [];
      continue;
    }
    if (at === 1 && symbol === '-') return [];
    if (symbol === letter) return letterBefore(symbols.slice(at + 1), spelling, judged);
    const other = options.letters.get(symbol as string);
    if (!options.syntax.cluster || (other !== undefined && other.spelling.value !== 'none')) return [];
  }
  return [];
}

function letterBefore(rest: Symbols, spelling: Spelling, judged: Judged): readonly Reading[] {
  if (spelling.value === 'none') return [bare(spelling)];
  const glued: Reading = { ...PLAIN, opens: leavesOpen(judged, rest), ends: spelling.ends };
  if (rest.length === 0) return [bare(spelling)];
  return rest.every((symbol) => typeof symbol === 'number') ? [bare(spelling), glued] : [glued];
}

/** The letter is among what a star stands for. */
function letterWithin(rest: Symbols, spelling: Spelling, judged: Judged): readonly Reading[] {
  const readings = [...letterBefore(rest, spelling, judged)];
  const last = rest.at(-1);
  if (spelling.value !== 'none' && (typeof last === 'number' || last === spelling.text.charAt(1))) readings.push(bare(spelling));
  return readings;
}

/** May it be an operand where options are read? */
export function mayBeOperand(written: Written): boolean {
  if (written.literal !== undefined) return !written.literal.startsWith('-') || written.literal === '-';
  return !written.head.startsWith('-') || matchArgument(written.pattern, '-' as ByteString) === TRUE;
}

export function mayBeOption(written: Written): boolean {
  if (written.literal !== undefined) return written.literal.startsWith('-') && written.literal !== '-';
  return written.head === '' || written.head.startsWith('-');
}

export function mayEndOptions(written: Written): boolean {
  return matchArgument(written.pattern, '--' as ByteString) === TRUE;
}

