import { spawnSync } from 'node:child_process';
import { describe, expect, test } from '@jest/globals';
import { sha256 } from '../../core/node/crypto.ts';
import { decide, explain, rulePaths } from '../../core/src/policy/index.ts';
import { caseSets, coverageOf, questionIn, runCases } from '../../core/src/policy-tools/index.ts';
import { casesFolder, ownSuites, policyFileNames } from './suites.ts';
import { nodeArguments } from '../support/programs.ts';

// Each *.test.yaml is a file of cases in the product's own format, run here through the bundle and the engine, and by the real belayctl.
const suites = ownSuites().map((each) => ({ ...each, ran: runCases(each.suite, each.tested, sha256) }));

test('there are cases, and every file of policies is in one', () => {
  expect(suites.length).toBeGreaterThan(15);
  const used = new Set(suites.flatMap(({ policies }) => policies.map(({ name }) => name)));
  expect(policyFileNames().filter((name) => !used.has(name))).toEqual([]);
});

for (const { suite, tested, ran } of suites) {
  describe(`${suite.file}: ${suite.description}`, () => {
    test.each(ran.results.map((result) => [result.name, result] as const))('%s', (_name, { mismatches, why }) => {
      expect({ mismatches, why }).toEqual({ mismatches: [], why: [] });
    });

    test('explained, each comes out the same', () => {
      const { enforced } = caseSets(suite, tested.map(({ policy }) => policy));
      const paths = rulePaths(enforced);
      for (const each of suite.cases) {
        const { request, context } = questionIn(suite.world, each, { sha256, rulePaths: paths });
        expect(explain(enforced, request, context).decision).toEqual(decide(enforced, request, context));
      }
    });
  });
}

test('every rule of our own policies holds in a case', () => {
  const { rules } = coverageOf(suites.map(({ tested, ran }) => ({ tested, held: ran.held })));
  const own = rules.filter(({ file }) => !file.startsWith('..'));
  expect(own.length).toBeGreaterThan(250);
  expect(own.filter(({ held }) => held === 0).map(({ file, rule }) => `${file}: ${rule}`)).toEqual([]);
});

test('belayctl policy test says the same', () => {
  const ran = spawnSync(process.execPath, nodeArguments('belayctl', ['policy', 'test', casesFolder, '--json']), { encoding: 'utf8', timeout: 60_000, maxBuffer: 64 * 1024 * 1024 });
  expect([ran.status, ran.stderr]).toEqual([0, '']);
  const report = JSON.parse(ran.stdout) as { readonly suites: readonly { readonly cases: readonly { readonly name: string; readonly outcome: unknown }[] }[] };
  const own = suites.map(({ ran: { results } }) => results.map(({ name, outcome }) => ({ name, outcome })));
  expect(report.suites.map((suite) => suite.cases.map(({ name, outcome }) => ({ name, outcome })))).toEqual(own);
});
