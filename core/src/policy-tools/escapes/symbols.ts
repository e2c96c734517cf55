import type { ArgumentPattern } from '../../policy/argument-pattern.ts';

/** One argument of a rule as characters and stars. */
export type Symbols = readonly (string | typeof STAR | typeof OPEN)[];

/** Any bytes but `/`. */
export const STAR = -1;
/** Any bytes. */
export const OPEN = -2;

/** A written argument, or what is left of one behind an option's name. */
export type Written = { readonly pattern: ArgumentPattern; readonly symbols: Symbols; readonly literal: string | undefined; readonly head: string };

export const ANY: Written = writtenOf({ kind: 'any' });

/** A pattern that is neither a literal nor a glob counts as any argument. */
export function writtenOf(given: ArgumentPattern): Written {
  const pattern: ArgumentPattern = given.kind === 'literal' || given.kind === 'glob' ? given : { kind: 'any' };
  const symbols = symbolsOf(pattern);
  return { pattern, symbols, literal: literalOf(symbols), head: headOf(symbols) };
}

function symbolsOf(pattern: ArgumentPattern): Symbols {
  if (pattern.kind === 'literal') return pattern.bytes.split('');
  if (pattern.kind !== 'glob') return [OPEN];
  const symbols: (string | number)[] = [];
  for (const [c, pieces] of pattern.components.entries()) {
    if (c > 0) symbols.push('/');
    for (const [p, piece] of pieces.entries()) {
      if (p > 0) symbols.push(STAR);
      symbols.push(...piece.split(''));
    }
  }
  if (pattern.open) symbols.push(OPEN);
  return symbols as Symbols;
}

export function literalOf(symbols: Symbols): string | undefined {
  return symbols.some((symbol) => typeof symbol === 'number') ? undefined : symbols.join('');
}

/** What every match begins with. */
export function headOf(symbols: Symbols): string {
  const star = symbols.findIndex((symbol) => typeof symbol === 'number');
  return (star < 0 ? symbols : symbols.slice(0, star)).join('');
}

/** What may stand behind `prefix` in a match that begins with it; undefined when none does. */
export function behind(symbols: Symbols, prefix: string): Symbols | undefined {
  for (let at = 0; at < prefix.length; at++) {
    const symbol = symbols[at];
    if (symbol === undefined) return undefined;
    if (symbol === OPEN) return symbols.slice(at);
    if (symbol === STAR) return prefix.includes('/', at) ? behindPath(symbols, at, prefix) : symbols.slice(at);
    if (symbol !== prefix[at]) return undefined;
  }
  return symbols.slice(prefix.length);
}

/** A star stops at `/`: the prefix must go on with what the pattern has there. */
function behindPath(symbols: Symbols, at: number, prefix: string): Symbols | undefined {
  const slash = symbols.indexOf('/', at);
  return slash < 0 ? undefined : behind(symbols.slice(slash), prefix.slice(prefix.indexOf('/', at)));
}
