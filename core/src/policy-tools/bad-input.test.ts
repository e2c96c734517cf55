import { describe, expect, test } from '@jest/globals';
import { compileRegex, MAX_REGEX_TEXT } from '../policy/regular-expression.ts';
import { decodeBundle, encodeBundle, loadPolicySet } from '../policy/index.ts';
import { compilePolicy } from './compile.ts';
import { parsePolicyFiles } from './parse.ts';
import { formatProblems } from './problem.ts';

// What is meant to take long, or much, or to deceive: one clear error each, or a policy like any other. A test that took long would
// run into the runner's own limit.
const head = (name: string) => `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: ${name} }\nrules:\n`;
const rule = (more: string) => `${head('p')}  - { name: r, who: any, run: any, then: allow, ${more} }\n`;

function problems(text: string): readonly string[] {
  const parsed = parsePolicyFiles([{ name: 'p.yaml', text }]);
  return parsed.ok ? [] : formatProblems(parsed.error).split('\n');
}

describe('a policy that is too much is refused with one clear error', () => {
  const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
  const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefghij'.split('').map((letter, at) => `${letter}: &${letter} [${Array.from({ length: 9 }, () => `*${'abcdefghi'[at]}`).join(', ')}]\n`).join('')}`;
  test.each<[string, string, string]>([
    ['a file of 10 MB', `${head('p')}${'  - { name: r, run: any, then: deny }\n'.repeat(280_000)}`, 'The file is larger than 2 MiB'],
    ['a YAML bomb', bomb, 'The aliases (*name) of this document stand for too much, or for nothing'],
    ['a billion laughs in a rule', `${head('p')}  - name: r\n    run: &a [any, any, any]\n    who: [&b [*a, *a], *b, *b]\n    then: deny\n${'    x: [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n'}`, 'A list does not fit here'],
    ['ten thousand levels', `${head('p')}  - { name: r, run: ${deep(10_000)}, then: deny }\n`, 'nested too deeply'],
    ['levels in an expression', rule(`when: "${'('.repeat(2000)}true${')'.repeat(2000)}"`), 'expression'],
    ['nested macros', rule('when: "command.args.all(a, command.args.all(b, command.args.all(c, a != b)))"'), 'A macro inside a macro could take very long'],
    ['macros that build lists', rule('when: "size(command.args.map(a, a + a)) > 3"'), 'Macros that build a list are not supported'],
    ['an expression of too many terms', rule(`when: "${'!true||'.repeat(580)}true"`), 'The expression is too large'],
    ['an expression that is too long', rule(`when: "${'terminal || '.repeat(600)}terminal"`), '"when" is too large or too long. At most 4096.'],
    ['repetitions of repetitions', rule('when: "command.path.matches(\'((a{1,100}){1,100}){1,100}\')"'), 'no regular expression'],
    ['a pattern that would explode', `${head('p')}  - { name: r, who: any, run: [{ command: /bin/x, args: [{ regex: "(x{1,1000}){1,1000}" }] }], then: allow }\n`, 'The regular expression is faulty'],
    ['a pattern that compiles to too much', `${head('p')}  - { name: r, who: any, run: [{ command: /bin/x, args: [{ regex: "[a-z]{1,500}[0-9]{1,500}" }] }], then: allow }\n`, 'The regular expression is too large'],
    ['look-alike letters in a name', rule('').replace('name: p }', 'name: аdmin }'), 'A policy name is 1 to 63 of a-z'],
    ['look-alike letters in a user', `${head('p')}  - { name: r, who: ["user:rооt"], run: any, then: allow }\n`, 'is no user name'],
    ['an invisible character in a rule\'s name', `${head('p')}  - { name: "re\u200bcovery", who: any, run: any, then: allow }\n`, 'holds a control or invisible character'],
    ['a right-to-left override in a message', rule('message: "no \u202eesrever"'), 'holds a control or invisible character'],
  ])('%s', (_name, text, expected) => {
    const told = problems(text);
    expect(told.length).toBeGreaterThanOrEqual(1);
    expect(told.length).toBeLessThanOrEqual(8);
    expect(told.join('\n')).toContain(expected);
    for (const line of told) expect(line).toMatch(/^p\.yaml:\d+:\d+: .+\. .+/);
  });
});

test('fifty thousand rules in files of a reasonable size are a policy set like any other', () => {
  const files = Array.from({ length: 25 }, (_, f) => ({
    name: `p${f}.yaml`,
    text: head(`p${f}`) + Array.from({ length: 2000 }, (_, i) => `  - { name: r${i}, run: [{ command: /bin/t${f * 2000 + i} }], then: deny }\n`).join(''),
  }));
  const parsed = parsePolicyFiles(files);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  const compiled = parsed.value.map((policy) => decodeBundle(encodeBundle(compilePolicy(policy))));
  const set = loadPolicySet(compiled.flatMap((each) => (each.ok ? [each.value] : [])));
  expect([set.rules.length, set.byCommand.size]).toEqual([50_000, 50_000]);
});

test('fifty thousand and one rules in one policy are one error', () => {
  const text = head('p') + '  - {}\n'.repeat(50_001);
  expect(problems(text).some((line) => line.includes('"rules" is too large or too long. At most 50000.'))).toBe(true);
  expect(problems(text).length).toBeLessThanOrEqual(201);
});

test('a regular expression on the longest text that it is asked about is answered whatever the two are', () => {
  for (const source of ['(a*)*b', '(a|a)*b', '(a|aa)+$', '(?:a?){500}a{400}', '([a-z]+)*[0-9]', '(.*)(.*)(.*)(.*)x']) {
    const compiled = compileRegex(source);
    if (!compiled.ok) expect(compiled.error.message).toMatch(/faulty|too large/);
    else expect(compiled.value.matchesWhole('a'.repeat(MAX_REGEX_TEXT))).toBe(source === '(a|aa)+$');
  }
});
