// The cases of this folder, run by a real server over its API against what was applied to it.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sha256 } from '../../core/node/crypto.ts';
import { runCases } from '../../core/src/policy-tools/index.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { ownSuites } from './suites.ts';

/** A server takes no policies without one. No case has anybody in that group. */
const wayBack = {
  name: 'way-back.yaml',
  text: `apiVersion: belay/v1
kind: Policy
metadata: { name: the-way-back }
rules:
  - { name: the way back, recovery: true, priority: -1000, who: ["group:in-no-case"], run: any, then: ask, require: { reauth: true } }
`,
};

type Case = { readonly name: string; readonly line: number; readonly passed: boolean; readonly outcome: unknown };
type Report = { readonly version: number; readonly ok: boolean; readonly passed: number; readonly failed: number; readonly coverage: { readonly percent: number; readonly rules: readonly { readonly policy: string; readonly rule: string; readonly held: number }[] }; readonly suites: readonly { readonly name: string; readonly file: string; readonly cases: readonly Case[] }[] };

let api: TestApi;
let [admin, viewer]: string[] = [];
beforeAll(async () => {
  api = await startTestApi();
  for (const [name, role] of [['root', 'administrator'], ['vera', 'viewer']] as const) await api.account(name, role);
  [admin, viewer] = [await api.signIn('root'), await api.signIn('vera')];
});
afterAll(() => api.close());

const run = (body: unknown, token: string | undefined = viewer) => api.ask('POST', '/api/v1/policies/test', { token, body });

async function publish(files: readonly { readonly name: string; readonly text: string }[]): Promise<number> {
  const applied = await api.ask('POST', '/api/v1/policies/apply', { token: admin, body: { files: [...files, wayBack], prune: true } });
  if (applied.status !== 200) throw new Error(applied.text);
  return applied.body['version'] as number;
}

describe('every suite comes out as in the engine', () => {
  test.each(ownSuites().map((own) => [`${own.suite.file}: ${own.suite.name}`, own] as const))('%s', async (_title, { suite, text, policies, tested }) => {
    const version = await publish(policies);
    const answer = await run({ files: [{ name: suite.file, text }] });
    const report = answer.body as unknown as Report;
    expect([answer.status, report.version]).toEqual([200, version]);
    const ran = report.suites.find(({ name }) => name === suite.name);
    const expected = runCases(suite, tested, sha256).results.map((result) => ({ ...result, passed: true }));
    expect(ran?.cases).toEqual(JSON.parse(JSON.stringify(expected)));
  });
});

describe('the endpoint', () => {
  const policy = { name: 'developers.yaml', text: 'apiVersion: belay/v1\nkind: Policy\nmetadata: { name: developers }\nrules:\n  - { name: look, who: ["group:developers"], run: [{ command: /usr/bin/id }], then: allow }\n  - { name: never used, who: ["group:developers"], run: [{ command: /usr/bin/wc }], then: allow }\n' };
  const cases = (list: string): { readonly name: string; readonly text: string } => ({ name: 'daily.test.yaml', text: `apiVersion: belay/v1\nkind: PolicyTest\nmetadata: { name: daily }\ncases:\n${list}` });
  const look = '  - { name: a developer looks, who: ada, groups: [developers], run: [/usr/bin/id], expect: { decision: allow, by: [developers/look] } }\n';

  test('tells what came out otherwise and why, and which rules no case met', async () => {
    const version = await publish([policy]);
    const answer = await run({ files: [cases(`${look}  - { name: bob looks, who: bob, run: [/usr/bin/id], expect: allow }\n`)] });
    expect([answer.status, answer.body]).toMatchObject([200, {
      version, ok: false, passed: 1, failed: 1,
      suites: [{ name: 'daily', file: 'daily.test.yaml', cases: [
        { name: 'a developer looks', passed: true, mismatches: [], why: [] },
        { name: 'bob looks', line: 6, passed: false, mismatches: [{ what: 'decision', expected: 'allow', actual: 'deny' }], why: [expect.stringContaining('developers/look (allow) does not hold: who'), expect.any(String), expect.any(String)] },
      ] }],
    }]);
    const { rules, percent } = (answer.body as unknown as Report).coverage;
    expect(percent).toBe(33);
    expect(rules.map(({ policy: name, rule, held }) => [name, rule, held])).toEqual([['developers', 'look', 1], ['developers', 'never used', 0], ['the-way-back', 'the way back', 0]]);
  });

  test('by an older version, and by no other', async () => {
    const version = await publish([policy]);
    await publish([]);
    const files = [cases(look)];
    expect((await run({ files })).body).toMatchObject({ ok: false, version: version + 1 });
    expect((await run({ files, version })).body).toMatchObject({ ok: true, version });
    const absent = await api.ask('POST', '/api/v1/nothing-here', { token: viewer, body: {} });
    const answer = await run({ files, version: version + 99 });
    expect([answer.status, answer.body['code'], answer.body['detail']]).toEqual([404, absent.body['code'], absent.body['detail']]);
  });

  test('lists every error of every file, and runs nothing then', async () => {
    const wrong = { ...cases('  - { name: x, who: ada, run: [id], expect: perhaps }\n'), name: 'wrong.test.yaml' };
    const answer = await run({ files: [cases(look), wrong, { name: 'p.yaml', text: policy.text }] });
    expect([answer.status, answer.body['code']]).toEqual([422, 'BELAY_E_POLICY_INVALID']);
    const problems = answer.body['problems'] as readonly { readonly file: string; readonly line: number }[];
    expect(new Set(problems.map(({ file, line }) => `${file}:${line}`))).toEqual(new Set(['wrong.test.yaml:5', 'p.yaml:2']));
    expect(answer.body['suites']).toBeUndefined();
  });

  test('takes only so much, and only what it knows', async () => {
    const many = cases(Array.from({ length: 2001 }, (_, index) => `  - { name: case ${index}, who: ada, run: [/x], expect: deny }\n`).join(''));
    expect(await run({ files: [many] })).toMatchObject({ status: 413, body: { code: 'BELAY_E_TOO_LARGE', detail: 'These are 2001 cases; at most 2000 run at once. Send them in parts.' } });
    expect((await run({ files: [{ name: 'x', text: 'x'.repeat(3 * 1024 * 1024) }] })).status).toBe(413);
    for (const body of [{}, { files: [] }, { files: [cases(look)], more: 1 }, { files: [{ ...cases(look), name: 'a\nb' }] }, { files: [cases(look)], version: -1 }]) expect([body, (await run(body)).status]).toEqual([body, 400]);
    expect((await run({ files: [cases(look)] }, 'blt_x')).status).toBe(401);
  });
});
