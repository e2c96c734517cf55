import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { sha256 } from '../../core/node/crypto.ts';
import { decide, explain, rulePaths } from '../../core/src/policy/index.ts';
import {
  caseSets, type CaseSuite, coverageOf, formatProblems, holdsCases, loadCaseFile, parsePolicyDocuments, type PolicyFile, questionIn, runCases, type TestedPolicies, testedPolicies,
} from '../../core/src/policy-tools/index.ts';
import { projectRoot } from '../../tools/node26.mjs';

// Each *.test.yaml is a file of cases in the product's own format, run here through the bundle and the engine, and by the real belayctl.
const here = dirname(fileURLToPath(import.meta.url));
const read = (file: string): PolicyFile => ({ name: relative(here, file), text: readFileSync(file, 'utf8') });
const yamlBelow = (folder: string): readonly PolicyFile[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml')).sort().map((file) => read(join(folder, file)));
const files = yamlBelow(here);

function suitesOf(file: PolicyFile): readonly CaseSuite[] {
  const loaded = loadCaseFile(file);
  if (!loaded.ok) throw new Error(formatProblems(loaded.error));
  return loaded.value;
}

function policiesOf(suite: CaseSuite): TestedPolicies {
  const folder = dirname(join(here, suite.file));
  const named = (suite.policies ?? []).flatMap((name) => (name.endsWith('.yaml') ? [read(join(folder, name))] : yamlBelow(join(folder, name))));
  const parsed = parsePolicyDocuments(named.filter((file) => !holdsCases(file)));
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  const tested = testedPolicies(parsed.value);
  if (!tested.ok) throw new Error(formatProblems(tested.error));
  return tested.value;
}

const suites = files.filter(holdsCases).flatMap(suitesOf).map((suite) => ({ suite, tested: policiesOf(suite) }));

test('there are cases, and every file of policies is in one', () => {
  expect(suites.length).toBeGreaterThan(5);
  const used = new Set(suites.flatMap(({ tested }) => tested.map(({ file }) => file)));
  expect(files.filter((file) => !holdsCases(file) && !used.has(file.name) && file.text.includes('kind: Policy\n')).map(({ name }) => name)).toEqual([]);
});

for (const { suite, tested } of suites) {
  describe(`${suite.file}: ${suite.description}`, () => {
    const { results } = runCases(suite, tested, sha256);
    test.each(results.map((result) => [result.name, result] as const))('%s', (_name, { mismatches, why }) => {
      expect({ mismatches, why }).toEqual({ mismatches: [], why: [] });
    });

    test('explained, each comes out the same', () => {
      const { enforced } = caseSets(suite, tested.map(({ policy }) => policy));
      for (const each of suite.cases) {
        const { request, context } = questionIn(suite.world, each, { sha256, rulePaths: rulePaths(enforced) });
        expect(explain(enforced, request, context).decision).toEqual(decide(enforced, request, context));
      }
    });
  });
}

test('every rule of our own policies holds in a case', () => {
  const { rules } = coverageOf(suites.map(({ suite, tested }) => ({ tested, held: runCases(suite, tested, sha256).held })));
  const own = rules.filter(({ file }) => !file.startsWith('..'));
  expect(own.length).toBeGreaterThan(30);
  expect(own.filter(({ held }) => held === 0).map(({ file, rule }) => `${file}: ${rule}`)).toEqual([]);
});

test('belayctl policy test says the same', () => {
  const ran = spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', join(projectRoot, 'policy-server/cli/main.ts'), 'policy', 'test', here, '--json'], { encoding: 'utf8', timeout: 60_000, maxBuffer: 64 * 1024 * 1024 });
  expect([ran.status, ran.stderr]).toEqual([0, '']);
  const report = JSON.parse(ran.stdout) as { readonly suites: readonly { readonly cases: readonly { readonly name: string; readonly outcome: unknown }[] }[] };
  const own = suites.map(({ suite, tested }) => runCases(suite, tested, sha256).results.map(({ name, outcome }) => ({ name, outcome })));
  expect(report.suites.map((suite) => suite.cases.map(({ name, outcome }) => ({ name, outcome })))).toEqual(own);
});
