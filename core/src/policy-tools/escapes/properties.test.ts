import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { assess, type EscapeFinding, escapeTable, type ProgramEntry, rewriteFor } from './index.ts';
import { compileEscapes, parseSpellings, parseSubs, splitWords } from './syntax.ts';

const table = escapeTable();
const anyEntry = fc.constantFrom(...table);
const everyday = ['--', '-', 'NAME', '-x', '--a=b', '/srv/x', './x', '/home/x/y', ''];

/** Words that mean something to a program: its options, their values and its subcommands. */
function literalsOf(entry: ProgramEntry): readonly string[] {
  const written = [entry.syntax.values, entry.syntax.subValues, ...entry.escapes.flatMap(({ way, unless, needs }) => [way.by === 'option' ? way.options : '', unless ?? '', needs ?? ''])];
  const options = parseSpellings(written.join(' ')).flatMap(({ text, shape, value }) => (value === 'none' ? [text] : [text, `${text}${shape === 'letter' ? '' : '='}/srv/x`]));
  const subcommands = entry.escapes.flatMap(({ sub, except }) => [...parseSubs(sub).flat(), ...splitWords(except ?? '')]);
  return [...everyday, ...options, ...subcommands, ...entry.safe.flatMap(({ args }) => args)].filter((word) => !/[*\\]/.test(word));
}

type Narrowing = { readonly entry: ProgramEntry; readonly wide: readonly string[]; readonly narrow: readonly string[] };

/** Arguments with stars, and the same with some of the stars written out. */
const narrowing: fc.Arbitrary<Narrowing> = anyEntry.chain((entry) => {
  const literal = fc.constantFrom(...literalsOf(entry));
  const one = fc.oneof(
    literal.map((word) => [word, word] as const),
    fc.constant(['/srv/x/*', '/srv/x/*'] as const),
    fc.constant(['*', '*'] as const),
    literal.map((word) => ['*', word] as const),
  );
  const rest = fc.oneof(fc.constant([[], []] as const), fc.constant([['**'], ['**']] as const), fc.array(literal, { maxLength: 3 }).map((words) => [['**'], words] as const));
  return fc.tuple(fc.array(one, { maxLength: 6 }), rest).map(([each, [wide, narrow]]) => ({
    entry, wide: [...each.map(([word]) => word), ...wide], narrow: [...each.map(([, word]) => word), ...narrow],
  }));
});

const notes = (findings: readonly EscapeFinding[]): readonly string[] => findings.map(({ program, note }) => `${program}: ${note}`);

describe('assessing', () => {
  test('a star or the rest written out never opens what was not open before', () => {
    fc.assert(fc.property(narrowing, ({ entry, wide, narrow }) => {
      const command = entry.names[0] as string;
      const before = assess({ command, args: wide });
      // What a wrapper runs is only told when it is known: with a star, the wrapper itself is what is open.
      const after = assess({ command, args: narrow }).filter(({ through }) => before.length === 0 || through.length === 0);
      expect(notes(before)).toEqual(expect.arrayContaining([...notes(after)]));
    }), { numRuns: 3_000 });
  });

  test('holding children to rules never opens anything', () => {
    fc.assert(fc.property(narrowing, fc.constantFrom('check' as const, 'deny' as const), ({ entry, wide }, children) => {
      const command = entry.names[0] as string;
      const free = notes(assess({ command, args: wide }, { children: 'allow' }));
      expect(free).toEqual(expect.arrayContaining([...notes(assess({ command, args: wide }, { children }))]));
    }), { numRuns: 1_000 });
  });

  test('what is proposed instead is sound, whatever was granted', () => {
    fc.assert(fc.property(narrowing, ({ entry, wide }) => {
      const command = entry.names[0] as string;
      const left = rewriteFor({ command, args: wide }).flatMap((rewrite) => {
        if (rewrite.kind === 'deny') return [];
        const guards = rewrite.children === undefined ? {} : { children: rewrite.children };
        return notes(assess(rewrite.kind === 'arguments' ? rewrite : { command, args: wide }, guards));
      });
      expect(left).toEqual([]);
    }), { numRuns: 1_000 });
  });

  test('whatever has a finding has something to do instead, and nothing else has', () => {
    fc.assert(fc.property(narrowing, ({ entry, wide }) => {
      const command = entry.names[0] as string;
      expect(rewriteFor({ command, args: wide }).length > 0).toBe(assess({ command, args: wide }).some(({ severity }) => severity !== 'low'));
    }), { numRuns: 1_000 });
  });
});

describe('whatever is written', () => {
  const junk = fc.oneof(fc.string({ unit: 'binary' }), fc.string(), fc.constantFrom('*', '**', '-*', '--*', '-*=*', '/*/**', '--to-command=**', '\\*', 'a*b', '*='));

  test('any strings at all are assessed, and rewritten, without throwing', () => {
    const anyCommand = fc.oneof(anyEntry.map(({ names }) => `/usr/bin/${names[0] as string}`), fc.string({ unit: 'binary' }));
    fc.assert(fc.property(anyCommand, fc.array(junk, { maxLength: 12 }), (command, args) => {
      expect(Array.isArray(assess({ command, args }))).toBe(true);
      expect(rewriteFor({ command, args }).length).toBeLessThanOrEqual(5);
    }), { numRuns: 2_000 });
  });

  test('a faulty pattern, or more than a rule may hold, counts as any arguments', () => {
    const open = notes(assess({ command: 'tar' }));
    expect(notes(assess({ command: 'tar', args: ['a**b'] }))).toEqual(open);
    expect(notes(assess({ command: 'tar', args: ['**', 'x'] }))).toEqual(open);
    expect(notes(assess({ command: 'tar', args: Array.from({ length: 257 }, () => '-tf') }))).toEqual(open);
  });

  test.each([
    ['stars', '*'], ['options that may be any', '-*'], ['long options that may be any', '--*=*'], ['a wrapper in a wrapper', 'env'], ['wrappers with two ways', 'setarch'], ['what leaves its guards behind', 'systemd-run'],
    ['a word of 4 Ki', 'x'.repeat(4_096)], ['4 Ki stars', '*a'.repeat(4_096)], ['a path of 4 Ki folders', '/a'.repeat(4_096)],
  ])('as many patterns as a rule may hold are assessed for those programs of which there is most to say: %s', (_, word) => {
    const many = Array.from({ length: word.length > 100 ? 4 : 255 }, () => word);
    const most = table.toSorted((a, b) => b.escapes.length - a.escapes.length).slice(0, 60);
    for (const { names } of [...most, ...table.filter(({ escapes }) => escapes.some(({ way }) => way.by === 'wraps'))]) {
      expect(Array.isArray(assess({ command: names[0] as string, args: [...many, '**'] }))).toBe(true);
    }
  });

  test('a program behind more wrappers than anybody needs counts as open, and one of your own does not', () => {
    const behind = (wrappers: number, last: string): readonly string[] => notes(assess({ command: 'nice', args: [...Array.from({ length: wrappers }, () => 'nice'), last] }));
    expect(behind(5, 'vim')).toEqual(notes(assess({ command: 'vim', args: [] })));
    expect(behind(6, 'vim')).toEqual(['nice: It runs the program it is given.']);
    expect(behind(6, '/usr/local/sbin/own')).toEqual([]);
  });

  test('wrappers of all kinds in turn end as well', () => {
    const chain = Array.from({ length: 255 }, (_, index) => ['setarch', 'systemd-run', 'runcon', 'env', 'nice', '*'][index % 5] as string);
    expect(notes(assess({ command: 'setarch', args: [...chain, '**'] }))).not.toEqual([]);
  });
});

test('no entry has more subcommands or closing options than the reading can tell apart', () => {
  const sizes = table.flatMap(compileEscapes).map(({ subs, options }) => [subs.length < 120, options.closes.length < 50]);
  expect(new Set(sizes.flat())).toEqual(new Set([true]));
});
