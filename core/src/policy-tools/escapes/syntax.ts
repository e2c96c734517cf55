import type { Escape, Judged, ProgramEntry, Syntax } from './entry.ts';

/**
 * How options are spelled in the tables:
 *   `-x` `--name` `-word`   takes no value
 *   `-x=` `--name=`         takes one: glued (`-xV`, `--name=V`) or as the next argument
 *   `-x=?` `--name=?`       takes one only when glued
 *   `-x=~` `--name=~`       the same, and without one it opens nothing
 *   `-word:`                takes one behind the colon
 *   `-x=!`                  takes one and ends the options (`python3 -c`)
 *   `-P=cat` `-C=<path>`    (in `unless`) with that value, with a path that the rule holds fast
 */
export type Spelling = {
  readonly text: string;
  readonly shape: 'letter' | 'long' | 'word';
  readonly value: 'none' | 'needed' | 'glued';
  readonly ends: boolean;
  readonly isHarmlessBare?: boolean;
  readonly wanted?: string;
};

export type Known = { readonly spelling: Spelling; readonly role: 'opens' | 'closes' | 'meets' | 'other' };

/** What one escape has to know of its program's options where it looks for its own. */
export type OptionSet = {
  readonly syntax: Syntax;
  readonly letters: ReadonlyMap<string, Known>;
  readonly named: ReadonlyMap<string, Known>;
  readonly opens: readonly Spelling[];
  readonly closes: readonly Spelling[];
  readonly meets: readonly Spelling[];
};

/** A subcommand of one or two words. */
export type Sub = readonly string[];

export type CompiledEscape = {
  readonly escape: Escape;
  readonly judged: Judged;
  readonly subs: readonly Sub[];
  readonly except: readonly string[];
  /** Where its own options stand; the other side of a subcommand under `split`. */
  readonly options: OptionSet;
  readonly elsewhere: OptionSet;
  /** The same without the options that close it alone: where others may be given, those may undo them. */
  readonly wide?: CompiledEscape;
};

const spellingPattern = /^(--?[^=!\s]+)(!|=(.*))?$/s;

/** Undefined when it is none. */
export function parseSpelling(written: string): Spelling | undefined {
  const parts = spellingPattern.exec(written);
  if (parts === null) return undefined;
  const [, text, suffix, value] = parts as unknown as [string, string, string | undefined, string | undefined];
  const shape = text.startsWith('--') ? 'long' : text.length === 2 ? 'letter' : 'word';
  if (text.endsWith(':')) return { text, shape, value: 'glued', ends: false };
  if (suffix === undefined || suffix === '!') return { text, shape, value: 'none', ends: suffix === '!' };
  if (value === '~') return { text, shape, value: 'glued', ends: false, isHarmlessBare: true };
  if (value === '' || value === '!' || value === '?') return { text, shape, value: value === '?' ? 'glued' : 'needed', ends: value === '!' };
  return { text, shape, value: 'needed', ends: false, wanted: value as string };
}

export function parseSpellings(written: string): readonly Spelling[] {
  return splitWords(written).map((each) => {
    const spelling = parseSpelling(each);
    if (spelling === undefined) throw new Error(`not an option's spelling: ${each}`);
    return spelling;
  });
}

export function splitWords(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

export function parseSubs(written: string | undefined): readonly Sub[] {
  return written === undefined ? [] : written.split('|').map(splitWords);
}

export function compileEscapes(entry: ProgramEntry): readonly CompiledEscape[] {
  return entry.escapes.map((escape) => {
    const compiled = compileEscape(entry, escape);
    const valued = splitWords(escape.unless ?? '').filter((each) => parseSpelling(each)?.wanted !== undefined);
    return escape.way.by === 'always' && escape.unless !== undefined ? { ...compiled, wide: compileEscape(entry, { ...escape, unless: valued.join(' ') }) } : compiled;
  });
}

function compileEscape(entry: ProgramEntry, escape: Escape): CompiledEscape {
  const split = entry.syntax.subs === 'split';
  const isBehind = escape.sub !== undefined;
  return {
    escape,
    judged: judgedOf(escape),
    subs: parseSubs(escape.sub),
    except: splitWords(escape.except ?? ''),
    options: optionSet(entry, escape, split ? isBehind : undefined),
    elsewhere: optionSet(entry, escape, split ? !isBehind : undefined),
  };
}

/** A file that is read as code or settings may not come from standard input either, nor may a line that runs start a shell. */
function judgedOf({ way, gives }: Escape): Judged {
  if (way.by !== 'option' && way.by !== 'operand') return 'any';
  if (gives === 'file-read' || gives === 'file-write' || gives === 'ownership') return way.value;
  if (way.value === 'text') return gives === 'privilege' || gives === 'delegation' ? 'text' : 'line';
  return way.value === 'file' ? 'code' : way.value;
}

function optionSet(entry: ProgramEntry, escape: Escape, isBehind: boolean | undefined): OptionSet {
  const { syntax } = entry;
  const values = isBehind === undefined ? `${syntax.values} ${syntax.subValues}` : isBehind ? syntax.subValues : syntax.values;
  const isOwnSide = isBehind === undefined || isBehind === (escape.sub !== undefined);
  const opens = escape.way.by === 'option' && isOwnSide ? parseSpellings(escape.way.options) : [];
  const closes = parseSpellings(escape.unless ?? '');
  const meets = isOwnSide ? parseSpellings(escape.needs ?? '') : [];
  const neighbours = entry.escapes.filter((each) => isBehind === undefined || (each.sub !== undefined) === isBehind);
  const others = [...parseSpellings(values), ...neighbours.flatMap((each) => (each.way.by === 'option' ? parseSpellings(each.way.options) : []))];
  const letters = new Map<string, Known>();
  const named = new Map<string, Known>();
  const add = (spelling: Spelling, role: Known['role']): void => {
    const [map, name] = spelling.shape === 'letter' ? [letters, spelling.text.charAt(1)] : [named, spelling.text];
    if (!map.has(name)) map.set(name, { spelling, role });
  };
  for (const spelling of opens) add(spelling, 'opens');
  // Under `split` what closes stands before the subcommand: `git --no-pager log`.
  if (isBehind !== true) for (const spelling of closes) add(spelling, 'closes');
  for (const spelling of meets) add(spelling, 'meets');
  for (const spelling of others) add(spelling, 'other');
  return { syntax, letters, named, opens, closes, meets };
}

/** All that a long option answers to: itself and, where the program allows it, each shorter beginning. */
export function spelledOut(spelling: Spelling, syntax: Syntax): readonly string[] {
  if (spelling.shape !== 'long' || !syntax.abbreviate) return [spelling.text];
  const texts: string[] = [];
  for (let length = 3; length <= spelling.text.length; length++) texts.push(spelling.text.slice(0, length));
  return texts;
}
