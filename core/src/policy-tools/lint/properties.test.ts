import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parse } from 'yaml';
import { escapeTable } from '../escapes/index.ts';
import { parsePolicyDocuments, type PolicyDocument } from '../parse.ts';
import { formatProblems } from '../problem.ts';
import { type Edit, lint, type LintFinding } from './index.ts';
import { yamlText } from './yaml-text.ts';

function documentsOf(text: string): readonly PolicyDocument[] {
  const parsed = parsePolicyDocuments([{ name: 'p.yaml', text }]);
  if (!parsed.ok) throw new Error(`${formatProblems(parsed.error)}\n${text}`);
  return parsed.value;
}

function applied(text: string, edits: readonly Edit[]): string {
  const lines = text.split('\n');
  const offset = (line: number, column: number): number => lines.slice(0, line - 1).reduce((sum, each) => sum + each.length + 1, 0) + column - 1;
  const places = edits.map(({ region, text: by }) => ({ from: offset(region.line, region.column), to: offset(region.endLine, region.endColumn), by })).toSorted((a, b) => b.from - a.from);
  return places.reduce((written, { from, to, by }) => written.slice(0, from) + by + written.slice(to), text);
}

type Rule = Readonly<Record<string, unknown>> & { readonly name: string };
const head = 'apiVersion: belay/v1\nkind: Policy\nmetadata: { name: p }\nrules:\n';

/** The same rule in the ways people write: on one line, in blocks, half and half, with comments. */
const styles: readonly ((rule: Rule) => string)[] = [
  (rule) => `  - ${yamlText(rule)}\n`,
  (rule) => `  # A rule.\n  - ${Object.entries(rule).map(([key, value]) => `${key}: ${yamlText(value)} # said`).join('\n    ')}\n`,
  (rule) => `- ${Object.entries(rule).map(([key, value]) => (Array.isArray(value) ? `${key}:\n${value.map((each) => `  - ${yamlText(each)}\n`).join('').trimEnd()}` : `${key}: ${yamlText(value)}`)).join('\n  ')}\n`,
  (rule) => `- ${Object.entries(rule).map(([key, value]) => (typeof value === 'object' && !Array.isArray(value) ? `${key}:\n${Object.entries(value as object).map(([inner, each]) => `    ${inner}: ${yamlText(each)}\n`).join('').trimEnd()}` : `${key}: ${yamlText(value)}`)).join('\n  ')}\n\n# The end.\n`,
];

const commands = escapeTable().flatMap(({ names }) => names.map((name) => `/usr/bin/${name}`));
const word = fc.oneof(
  fc.constantFrom<unknown>('*', '/var/log/*', '/var/log/x', '/etc/**', '-x', '--', '--file=*', 'install', 'status', 'run', 'list', 'x.service', './x', '/usr/bin/less', 'é', '😀', '#', 'a b', '"', '"*"', "it's", 'yes', '1', '-'),
  fc.constantFrom<unknown>({ regex: '[a-z]+' }, ['a', '*'], ['/var/log/a', '/var/log/b']),
);
const args = fc.option(fc.tuple(fc.array(word, { maxLength: 4 }), fc.boolean()).map(([each, rest]) => (rest ? [...each, '**'] : each)), { nil: undefined });
const entry = fc.record({
  command: fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...commands) }, { weight: 1, arbitrary: fc.constantFrom('/home/ada/x', '/usr/local/sbin/own') }),
  args,
  package: fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom<unknown>('less', { name: 'less', version: ['>= 1', '< 3'], unmodified: 'any' }) }),
  sha256: fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constant('A'.repeat(64)) }),
});
const limits = fc.option(fc.record({ children: fc.constantFrom('allow', 'check', 'deny'), duration: fc.constant('5m'), environment: fc.constantFrom<unknown>({ keep: ['LESS*', 'EDITOR'] }, { keep: ['LD_*', 'LC_ALL'], set: { TZ: 'UTC' } }, { set: { LESSSECURE: '1' } }) }, { requiredKeys: [] }).filter((each) => Object.keys(each).length > 0), { nil: undefined });
const grant = fc.record({ who: fc.constantFrom<unknown>('any', ['group:ops', '!user:eve']), run: fc.array(entry, { minLength: 1, maxLength: 3 }), as: fc.constantFrom<unknown>(undefined, { user: 'www-data' }), limits, then: fc.constant('allow'), priority: fc.constantFrom(undefined, 1, 2) });
const denial = fc.record({ who: fc.constantFrom<unknown>('any', ['group:ops']), run: fc.array(entry, { minLength: 1, maxLength: 2 }), then: fc.constant('deny'), when: fc.constantFrom(undefined, 'terminal', 'device.labels.a == "b"') });

function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined).map(([key, each]) => [key, clean(each)]));
}
const ruleOf = (shape: object, name: string): Rule => ({ name, ...(clean(shape) as object) });

const documents = fc
  .tuple(fc.array(fc.oneof({ weight: 3, arbitrary: grant }, { weight: 1, arbitrary: denial }), { minLength: 1, maxLength: 6 }), fc.constantFrom(...styles))
  .map(([rules, style]) => `${head}${rules.map((rule, at) => style(ruleOf(rule, `r${at}`))).join('')}`);

const inOne = (findings: readonly LintFinding[], rule: string, code: string): number => findings.filter((finding) => finding.code === code && finding.rule?.rule === rule).length;

describe('lint', () => {
  test('never throws, answers the same twice, and names places that are in the file', () => {
    fc.assert(fc.property(documents, (text) => {
      const lines = text.split('\n');
      const found = lint(documentsOf(text));
      expect(lint(documentsOf(text))).toEqual(found);
      for (const { line, column, endLine, endColumn } of found) {
        expect(column).toBeLessThanOrEqual((lines[line - 1] as string).length + 1);
        expect(endColumn).toBeLessThanOrEqual((lines[endLine - 1] as string).length + 1);
      }
    }), { numRuns: 150 });
  });

  test('every rewrite it writes into the file leaves a policy without that finding, and touches no other rule', () => {
    fc.assert(fc.property(entry, limits, fc.constantFrom(...styles), fc.constantFrom<unknown>(undefined, { user: 'www-data' }), (target, given, style, as) => {
      const other = ruleOf({ who: ['user:bob'], run: [{ command: '/usr/bin/id', args: [] }], then: 'allow' }, 'other');
      const text = `${head}${style(ruleOf({ who: ['group:ops'], run: [target], as, limits: given, then: 'allow' }, 'r'))}${style(other)}`;
      for (const { code, rewrite, rule } of lint(documentsOf(text))) {
        if (rewrite === undefined || rule?.rule !== 'r') continue;
        expect(rewrite.edits.length).toBeGreaterThan(0);
        const after = documentsOf(applied(text, rewrite.edits));
        expect(inOne(lint(after), 'r', code)).toBe(0);
        expect((parse(after[0]!.source) as { rules: unknown[] }).rules[1]).toEqual(other);
      }
    }), { numRuns: 400 });
  });

  test('the keys that a rewrite tells, put into the rule, do the same', () => {
    fc.assert(fc.property(entry, limits, (target, given) => {
      const rule = ruleOf({ who: ['group:ops'], run: [target], limits: given, then: 'allow' }, 'r');
      for (const { code, rewrite } of lint(documentsOf(`${head}${styles[0]!(rule)}`))) {
        if (rewrite === undefined) continue;
        const told = parse(rewrite.text) as Readonly<Record<string, unknown>>;
        const { limits: own, ...rest } = rule;
        const merged = told['limits'] === undefined ? own : { ...(own as object | undefined), ...(told['limits'] as object) };
        const after = { ...rest, ...(merged === undefined || told['then'] === 'deny' ? {} : { limits: merged }), ...told, ...(merged === undefined || told['then'] === 'deny' ? {} : { limits: merged }) };
        expect(inOne(lint(documentsOf(`${head}${styles[0]!(after as Rule)}`)), 'r', code)).toBe(0);
      }
    }), { numRuns: 300 });
  });
});

test('data comes back from YAML as it went in', () => {
  fc.assert(fc.property(fc.jsonValue(), fc.string({ unit: 'grapheme' }), (value, text) => {
    expect(parse(yamlText(text))).toBe(text);
    expect(JSON.stringify(parse(`- ${yamlText(value)}\n`))).toBe(JSON.stringify([value]));
  }), { numRuns: 500 });
});
