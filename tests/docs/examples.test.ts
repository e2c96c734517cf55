import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { unenforceable } from '../../agent/src/decide/enforceable.ts';
import { sha256 } from '../../core/node/crypto.ts';
import { encodeUtf8 } from '../../core/src/bytes.ts';
import type { CompiledRule, Decision } from '../../core/src/policy/index.ts';
import {
  type CaseSuite, checkRecovery, compilePolicy, coverageOf, formatProblems, loadCaseFile, parsePolicyDocuments, type PolicyDocument, type PolicyFile, runCases, type SuiteResult, type TestedPolicies,
  testedPolicies,
} from '../../core/src/policy-tools/index.ts';
import { lint } from '../../core/src/policy-tools/lint/index.ts';
import { projectRoot } from '../../tools/node26.mjs';

// examples/policies: right, in order, tried by their cases, told of in the README.
const folder = join(projectRoot, 'examples', 'policies');
const all = readdirSync(folder).sort().map((name): PolicyFile => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
const isCases = ({ name }: PolicyFile): boolean => name.endsWith('.test.yaml');
const policyFiles = all.filter((file) => !isCases(file));

function documentsOf(files: readonly PolicyFile[]): readonly PolicyDocument[] {
  const parsed = parsePolicyDocuments(files);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  return parsed.value;
}

const documents = documentsOf(policyFiles);
const compiled = documents.flatMap(({ policy }) => (policy === undefined ? [] : [compilePolicy(policy)]));

test('they are one fleet, with a way in, and enough of them', () => {
  expect(compiled.length).toBeGreaterThanOrEqual(8);
  expect(checkRecovery(compiled)).toBeUndefined();
});

test('lint is silent, or what it finds is accepted with a reason', () => {
  const findings = lint(documents);
  expect(findings.filter(({ accepted }) => accepted === undefined).map(({ file, line, code, message }) => `${file}:${line}: ${code}: ${message}`)).toEqual([]);
  expect(findings.length).toBeGreaterThan(0);
});

test('no rule uses what an agent of this version cannot hold', () => {
  const refused = compiled.flatMap(({ name, rules }) => rules.filter(({ then }) => then !== 'deny').flatMap((rule) => unenforceable(permitOf(rule), { records: true }).map((key) => `${name}/${rule.name}: ${key}`)));
  expect(refused).toEqual([]);
});

/** What a device would be told if this rule alone decided. */
function permitOf({ demands, obligations, failures }: CompiledRule): Exclude<Decision, { readonly kind: 'deny' }> {
  const { environment, cwd, ...rest } = obligations;
  const set = environment.set.map(({ name, values }) => [name, values[0] as string] as const);
  const { diskFull, recorderUnable } = failures;
  return { kind: 'ask', by: [], message: undefined, demands, obligations: { ...rest, environment: { keep: environment.keep, set }, cwd: cwd[0], sha256: undefined, argv0: encodeUtf8('/x'), diskFull, recorderUnable, conflicts: [] } };
}

test('the README has a row for each file', () => {
  const readme = readFileSync(join(projectRoot, 'examples', 'README.md'), 'utf8');
  for (const { name } of policyFiles) expect(readme).toContain(`(policies/${name})`);
});

const runs = all.filter(isCases).flatMap((file) => suitesOf(file).map((suite) => runSuite(suite)));

function suitesOf(file: PolicyFile): readonly CaseSuite[] {
  const suites = loadCaseFile(file);
  if (!suites.ok) throw new Error(formatProblems(suites.error));
  return suites.value;
}

function runSuite(suite: CaseSuite): SuiteResult & { readonly tested: TestedPolicies } {
  const tested = testedPolicies(documentsOf(policyFiles.filter(({ name }) => suite.policies?.includes(name) ?? true)));
  if (!tested.ok) throw new Error(formatProblems(tested.error));
  return { ...runCases(suite, tested.value, sha256), tested: tested.value };
}

for (const { suite, results } of runs) {
  describe(`${suite.file}: ${suite.description}`, () => {
    test.each(results.map((result) => [result.name, result] as const))('%s', (_name, { mismatches, why }) => {
      expect({ mismatches, why }).toEqual({ mismatches: [], why: [] });
    });
  });
}

test('every rule holds in a case, and every policy has a case of what must not be', () => {
  const { rules } = coverageOf(runs);
  expect(rules.filter(({ held }) => held === 0).map(({ file, rule }) => `${file}: ${rule}`)).toEqual([]);
  for (const file of new Set(runs.map(({ suite }) => suite.file))) {
    const outcomes = runs.filter(({ suite }) => suite.file === file).flatMap(({ results }) => results.map(({ outcome }) => outcome.decision));
    expect([file, outcomes.includes('deny'), outcomes.some((decision) => decision !== 'deny')]).toEqual([file, true, true]);
  }
});
