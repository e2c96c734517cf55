import { RE2JS } from '@bufbuild/re2';
import { err, ok, type Result } from '../result.ts';

/** RE2 syntax: linear in the text, whatever the pattern (T-08). Both are bounded too, so that linear is short. */
export const MAX_REGEX_CHARS = 512;
export const MAX_REGEX_TEXT = 4096;
const MAX_PROGRAM = 1000;

export type Regex = { readonly source: string; readonly matchesWhole: (text: string) => boolean };
export type RegexFault = { readonly message: string; readonly remedy: string };

const known = new Map<string, Result<Regex, RegexFault>>();
const MAX_KNOWN = 2000;

/** Matches the whole text, never a part. Equal sources are compiled once. */
export function compileRegex(source: string): Result<Regex, RegexFault> {
  const found = known.get(source);
  if (found !== undefined) return found;
  const compiled = compileAnew(source);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(source, compiled);
  return compiled;
}

function compileAnew(source: string): Result<Regex, RegexFault> {
  if (source.length > MAX_REGEX_CHARS) return err({ message: `The regular expression is longer than ${MAX_REGEX_CHARS} characters`, remedy: 'Split the rule, or use a glob.' });
  try {
    const pattern = RE2JS.compile(source);
    if (programSizeOf(pattern) > MAX_PROGRAM) return err({ message: 'The regular expression is too large', remedy: 'Use smaller repetitions, or a glob.' });
    return ok({ source, matchesWhole: (text) => pattern.testExact(text) });
  } catch (error) {
    const cause = Error.isError(error) ? error.message.replace(/^error parsing regexp: /, '') : 'it cannot be read';
    return err({ message: `The regular expression is faulty: ${cause.slice(0, 120)}`, remedy: 'RE2 syntax: no look-around, no back-references, repetitions up to 1000.' });
  }
}

function programSizeOf(pattern: RE2JS): number {
  const { prog } = pattern.re2() as unknown as { readonly prog?: { readonly inst?: readonly unknown[] } };
  return prog?.inst?.length ?? Number.MAX_SAFE_INTEGER;
}
