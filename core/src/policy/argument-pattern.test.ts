import { describe, test } from '@jest/globals';
import fc from 'fast-check';
import { encodeUtf8 } from '../bytes.ts';
import { compileArguments, literalPattern, matchArguments } from './argument-pattern.ts';
import { TRUE } from './truth.ts';

describe('a literal pattern', () => {
  // What patterns and paths give a meaning to comes often; the rest is any text.
  const argument = fc.oneof(
    fc.string({ unit: fc.constantFrom('*', '\\', '/', '.', '=', 'a', 'é', ' ', '"', '\n') }),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('*', '**', '\\', '\\*', '\\\\*', '/**', '--file=**', '..', '/a/../b', ''),
  );
  const matches = (patterns: readonly string[], args: readonly string[]): boolean => {
    const compiled = compileArguments(patterns.map(literalPattern));
    if (!compiled.ok) throw new Error(compiled.error.message);
    return matchArguments(compiled.value, args.map(encodeUtf8)) === TRUE;
  };

  test('matches its own argument', () => {
    fc.assert(fc.property(argument, (own) => matches([own], [own])), { numRuns: 2000 });
  });

  test('matches no other (T-05)', () => {
    fc.assert(fc.property(argument, argument, (own, other) => matches([own], [other]) === (own === other)), { numRuns: 5000 });
    // What a pattern would reach that is taken for one: its own stars filled in.
    fc.assert(fc.property(argument, fc.string({ unit: 'binary', minLength: 1 }), (own, filling) => {
      const filled = own.replaceAll('*', () => filling);
      return matches([own], [filled]) === (own === filled);
    }), { numRuns: 2000 });
  });

  test('is for one argument, never for more or none', () => {
    fc.assert(fc.property(fc.array(argument, { maxLength: 4 }), fc.array(argument, { maxLength: 4 }), (own, others) => matches(own, own) && matches(own, others) === (own.length === others.length && own.every((each, at) => each === others[at]))));
  });
});
