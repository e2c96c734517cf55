import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { decide, decodeBundle, type Decision, encodeBundle, explain, loadPolicySet, type PolicySet, rulePaths } from '../../core/src/policy/index.ts';
import { compilePolicy, formatProblems, parsePolicyFiles } from '../../core/src/policy-tools/index.ts';
import { type Ask, questionIn, type World } from './world.ts';

// Each *.yaml below this folder is a world, policies and questions with the expected decisions.
const here = dirname(fileURLToPath(import.meta.url));

const caseShape = z.strictObject({
  name: z.string(),
  who: z.string(),
  groups: z.array(z.string()).optional(),
  run: z.array(z.string()).min(1),
  as: z.strictObject({ user: z.string(), group: z.string(), uid: z.number(), gid: z.number() }).partial().optional(),
  cwd: z.string().optional(),
  env: z.array(z.string()).optional(),
  at: z.string().optional(),
  terminal: z.boolean().optional(),
  door: z.enum(['sudo', 'run', 'polkit', 'tray']).optional(),
  expired: z.boolean().optional(),
  expect: z.strictObject({
    decision: z.enum(['allow', 'ask', 'deny']),
    by: z.array(z.string()).optional(),
    reason: z.enum(['denied-by-rule', 'no-rule', 'unsafe-file', 'no-policy']).optional(),
    message: z.string().optional(),
    argv0: z.string().optional(),
    reasonLength: z.number().optional(),
    reauthMs: z.number().optional(),
    pinned: z.boolean().optional(),
  }),
});
const suiteShape = z.strictObject({
  about: z.string(),
  world: z.strictObject({ users: z.any(), groups: z.any(), primary: z.any(), files: z.any(), links: z.any(), device: z.any() }).partial(),
  /** Files relative to the suite, or policies written out. */
  files: z.array(z.string()).optional(),
  policies: z.array(z.any()).optional(),
  cases: z.array(caseShape).min(1),
});
type Suite = z.infer<typeof suiteShape>;

function load(suite: Suite, folder: string): PolicySet {
  const inFiles = (suite.files ?? []).map((name) => ({ name, text: readFileSync(join(folder, name), 'utf8') }));
  const inline = (suite.policies ?? []).map((policy, index) => ({ name: `policy ${index + 1}`, text: JSON.stringify(policy) }));
  const parsed = parsePolicyFiles([...inFiles, ...inline]);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  // Through the bundle, as a device gets it.
  return loadPolicySet(parsed.value.map((policy) => {
    const decoded = decodeBundle(encodeBundle(compilePolicy(policy)));
    if (!decoded.ok) throw new Error(decoded.error.message);
    return decoded.value;
  }));
}

function summary(decision: Decision): Record<string, unknown> {
  if (decision.kind === 'deny') {
    const { reason } = decision;
    return { decision: 'deny', reason: reason.kind, by: 'by' in reason ? names(reason.by) : [], message: reason.kind === 'denied-by-rule' ? reason.message : undefined };
  }
  const demands = decision.kind === 'ask' ? decision.demands : undefined;
  return {
    decision: decision.kind,
    by: names(decision.by),
    message: decision.message,
    argv0: decision.obligations.argv0,
    pinned: decision.obligations.sha256 !== undefined,
    reasonLength: demands?.reason?.minLength,
    reauthMs: demands?.reauth?.maxAgeMs,
  };
}

function names(by: readonly { readonly policy: string; readonly rule: string }[]): readonly string[] {
  return by.map(({ policy, rule }) => `${policy}/${rule}`);
}

const files = readdirSync(here, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml')).sort();

test('there are cases, and no file holds more than one document', () => {
  expect(files.length).toBeGreaterThan(5);
  for (const file of files) expect([file, parseAllDocuments(readFileSync(join(here, file), 'utf8')).length]).toEqual([file, 1]);
});

for (const file of files) {
  const path = join(here, file);
  const suite = suiteShape.parse(parse(readFileSync(path, 'utf8')));
  describe(`${relative(here, path)}: ${suite.about}`, () => {
    const set = load(suite, dirname(path));
    test.each(suite.cases.map((each) => [each.name, each] as const))('%s', (_name, { expect: expected, name: _title, ...ask }) => {
      const { request, context } = questionIn(suite.world as World, { ...(ask as Ask), rulePaths: rulePaths(set) });
      const decision = decide(set, request, context);
      expect(summary(decision)).toMatchObject(expected);
      expect(explain(set, request, context).decision).toEqual(decision);
    });
  });
}
