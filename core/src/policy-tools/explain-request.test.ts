import { expect, test } from '@jest/globals';
import { sha256 } from '../../node/crypto.ts';
import type { CompiledPolicy } from '../policy/index.ts';
import { explainRequest, requestSchema } from './explain-request.ts';
import { compilePolicy, formatProblems, parsePolicyFiles } from './index.ts';

function compile(name: string, rules: string, head = ''): readonly CompiledPolicy[] {
  const parsed = parsePolicyFiles([{ name, text: `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: ${name} }\n${head}\nrules:\n${rules}` }]);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  return parsed.value.map(compilePolicy);
}

const POLICIES = [
  ...compile('dev', '  - { name: install, who: ["group:developers"], run: [{ command: /usr/bin/apt-get, args: [install, "**"] }], during: { from: "08:00", to: "10:00" }, then: allow }'),
  ...compile('lab', '  - { name: no root shells, run: [{ command: /bin/sh }], then: deny, message: Use belay edit. }', 'targets: { devices: ["group:lab"] }'),
  ...compile('watch', '  - { name: would refuse, run: [{ command: /usr/bin/apt-get }], then: deny }', 'mode: monitor'),
];

const explained = (request: unknown, all?: boolean) => explainRequest(POLICIES, requestSchema.parse(request), { sha256, ...(all === undefined ? {} : { all }) });

test('a request in the form of a case is explained: what decided, what nearly did and by how little', () => {
  const apt = { who: 'ada', groups: ['developers'], run: ['/usr/bin/apt-get', 'install', 'vim'] };
  const answer = explained({ case: { ...apt, at: '2026-03-04T07:50:00Z' } });
  expect(answer.outcome).toMatchObject({ decision: 'deny', reason: 'no-rule' });
  const [install] = answer.rules;
  expect(install).toMatchObject({ rule: { policy: 'dev', rule: 'install' }, part: 'does-not-hold' });
  expect(install?.criteria.filter(({ truth }) => truth !== 'true')).toEqual([{ criterion: 'during', truth: 'false', wants: '08:00 to 10:00', found: 'Wednesday 07:50, 10 min before it begins' }]);
  expect(answer.requester).toMatchObject({ decision: 'deny', by: [] });
  expect(explained({ case: { ...apt, at: '2026-03-04T08:10:00Z' } }).outcome).toMatchObject({ decision: 'allow', by: ['dev/install'] });
});

test('who asked is told by names, not by the numbers that stand in for them', () => {
  const who = (groups?: readonly string[]) => explained({ case: { who: 'ada', ...(groups === undefined ? {} : { groups }), run: ['/usr/bin/apt-get', 'install'] } }).rules[0]?.criteria.find(({ criterion }) => criterion === 'who');
  expect(who(['sales', 'office'])).toEqual({ criterion: 'who', truth: 'false', wants: 'group:developers', found: 'ada, in sales, office' });
  expect(who()?.found).toBe('ada, in no other group');
});

test('policies for other devices are named and do not count; those that only watch are told apart', () => {
  const shell = { case: { who: 'ada', run: ['/bin/sh'] } };
  expect(explained(shell)).toMatchObject({ elsewhere: ['lab'], outcome: { reason: 'no-rule' } });
  expect(explained({ ...shell, world: { device: { groups: ['lab'] } } })).toMatchObject({ elsewhere: [], outcome: { reason: 'denied-by-rule', by: ['lab/no root shells'], message: 'Use belay edit.' } });
  const apt = explained({ case: { who: 'ada', run: ['/usr/bin/apt-get'] } });
  expect(apt.rules.map(({ rule }) => rule.policy)).toEqual(['dev']);
  expect(apt.monitored).toMatchObject({ policies: ['watch'], outcome: { decision: 'deny', by: ['watch/would refuse'] } });
});

test('/bin leads into /usr/bin, unless the world says otherwise', () => {
  const lab = { device: { groups: ['lab'] } };
  const shell = (run: string, world: object = {}) => explained({ world: { ...lab, ...world }, case: { who: 'ada', run: [run] } }).outcome.by;
  expect([shell('/bin/sh'), shell('/usr/bin/sh'), shell('/usr/sbin/sh')]).toEqual([['lab/no root shells'], ['lab/no root shells'], []]);
  expect(shell('/usr/bin/sh', { files: { '/bin/sh': {} } })).toEqual([]);
  expect(shell('/usr/bin/sh', { links: { '/bin/sh': '/usr/bin/dash' } })).toEqual([]);
  expect(shell('/usr/bin/dash', { links: { '/bin/sh': '/usr/bin/dash' } })).toEqual(['lab/no root shells']);
});

test('all rules are listed where all are asked for', () => {
  const many = compile('many', Array.from({ length: 50 }, (_, at) => `  - { name: r${at}, who: any, run: [{ command: /bin/c${at} }], then: allow }`).join('\n'));
  const request = requestSchema.parse({ case: { who: 'ada', run: ['/bin/none'] } });
  expect(explainRequest(many, request, { sha256 })).toMatchObject({ omitted: 44, rules: { length: 6 } });
  expect(explainRequest(many, request, { sha256, all: true })).toMatchObject({ omitted: 0, rules: { length: 50 } });
});

test('a request may be a case as it stands in a file, and nothing that is not one', () => {
  const base = { who: 'ada', run: ['/bin/sh'] };
  expect(requestSchema.safeParse({ case: { ...base, name: 'shells', expect: 'deny' } }).success).toBe(true);
  for (const wrong of [{}, { case: { who: 'ada' } }, { case: { ...base, run: ['sh'] } }, { case: base, world: { users: 3 } }, { case: { ...base, more: 1 } }, { case: { ...base, at: 'noon' } }, { case: base, more: 1 }]) {
    expect([wrong, requestSchema.safeParse(wrong).success]).toEqual([wrong, false]);
  }
});
