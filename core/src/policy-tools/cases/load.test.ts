import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sha256 } from '../../../node/crypto.ts';
import { formatProblems } from '../problem.ts';
import { parsePolicyDocuments } from '../parse.ts';
import { holdsCases, isCaseFile, loadCaseFile } from './load.ts';
import { parseMoment } from './moment.ts';
import { bytesIn, questionIn } from './question.ts';

const head = 'apiVersion: belay/v1\nkind: PolicyTest\nmetadata: { name: c }\n';
const one = (fields: string): string => `${head}cases:\n  - { name: x, who: ada, run: [/bin/x], ${fields} }\n`;

function problems(text: string): readonly string[] {
  const loaded = loadCaseFile({ name: 'c.yaml', text });
  return loaded.ok ? [] : formatProblems(loaded.error).split('\n');
}

test('a file holds one suite or several, each case with its line', () => {
  const loaded = loadCaseFile({ name: 'c.yaml', text: `# Ours.\n${one('expect: deny')}---\n${head}policies: [p.yaml, more]\nworld: { users: { ada: 1001 } }\ncases:\n  - name: a\n    who: ada\n    run: [/bin/x]\n    expect: { decision: ask }\n  - { name: b, who: bob, run: [/bin/x], expect: allow }\n` });
  expect(loaded.ok && loaded.value.map(({ file, policies, cases }) => [file, policies, cases.map(({ name, line }) => [name, line])])).toEqual([
    ['c.yaml', undefined, [['x', 6]]],
    ['c.yaml', ['p.yaml', 'more'], [['a', 14], ['b', 18]]],
  ]);
});

describe('every error is told with its place and what to do', () => {
  test.each([
    [one('expect: alow'), 'c.yaml:5:49: "alow" does not fit here. Write allow, ask or deny, or a map of keys and values.'],
    [one('expect: { decison: allow }'), 'c.yaml:5:51: Unknown key "decison". Did you mean decision?'],
    [one('expect: { decision: ask, demands: { reson: true } }'), 'Unknown key "reson". Did you mean reason? Known here: reason, reauth, confirm, approval, emergency.'],
    [one('expect: { decision: ask, demands: { reason: { min: 1 } } }'), 'Known here: minLength, pattern, suggestions.'],
    [one('expect: { decision: allow, obligations: { umask: "9" } }'), '"9" is no umask. Write three octal digits in quotes, for instance "027".'],
    [one('expect: { decision: allow, obligations: { duration: 5 minutes } }'), '"5 minutes" is no length of time.'],
    [one('expect: { decision: allow, reason: no-rule }'), 'c.yaml:5:68: Only a deny has a reason. Take the line away, or expect another decision.'],
    [one('expect: { decision: allow, demands: { confirm: true } }'), 'Only an ask demands something.'],
    [one('expect: { decision: deny, obligations: { uses: 1 } }'), 'A deny carries no obligation but alert.'],
    [one('expect: { decision: deny, monitored: { decision: ask, reason: no-rule } }'), 'Only a deny has a reason.'],
    [one('grups: [x], expect: deny'), 'c.yaml:5:41: Unknown key "grups". Did you mean groups?'],
    [one('at: yesterday, expect: deny'), '"yesterday" is no time. Write for instance 2026-03-04T10:00:00Z'],
    [one('at: 2026-02-30T10:00:00Z, expect: deny'), 'is no time'],
    [one('silent: long, expect: deny'), 'c.yaml:5:49: "long"'],
    [one('env: [A], expect: deny'), '"A" sets no variable. Write NAME=value.'],
    [one('cwd: srv, expect: deny'), '"srv" is no absolute path.'],
    [one('address: 10.0.0.1, expect: deny'), 'Only who came over SSH came from an address. Add login: ssh'],
    [one('login: ssh, address: 10.0.0.0/8, expect: deny'), '"10.0.0.0/8" is no address.'],
    [one('whole: false, expect: deny'), 'whole is about the programs above, which are not given.'],
    [one('as: { user: a, uid: 1 }, expect: deny'), 'user and uid are both given. Keep one of the two.'],
    [`${head}cases:\n  - { name: x, who: ada, run: [], expect: deny }\n`, '"run" is too small or empty. At least 1.'],
    [`${head}cases:\n  - { name: x, run: [/x], expect: deny }\n`, '"who" is missing. Add who: a text.'],
    [`${head}cases:\n  - { name: x, who: a, run: [/x] }\n`, 'c.yaml:5:5: "expect" is missing. Add expect: allow, ask or deny, or a map of keys and values.'],
    [`${head}cases: []\n`, '"cases" is too small or empty.'],
    [`${one('expect: deny')}  - { name: x, who: bob, run: [/bin/x], expect: deny }\n`, 'c.yaml:6:13: The name "x" is used by two cases. Say what this one shows.'],
    [`${head}world: { users: { "0": 1 }, files: { bin/x: {} }, device: { zone: Mars } }\ncases: []\n`, '"Mars" is no time zone.'],
    [`${head}world: { users: { ada: -1 } }\ncases: []\n`, 'c.yaml:4:24: "ada" is too small or empty. At least 0.'],
    [one('expect: deny').replace('cases:', 'world: { users: { "0": 1 }, files: { bin/x: {} } }\ncases:'), 'c.yaml:4:38: A file is an absolute path.'],
    [one('expect: deny').replace('cases:', 'world: { files: { /x: { content: a, sha256: ab } } }\ncases:'), 'A SHA-256 is 64 hexadecimal digits.'],
    [one('expect: deny').replace('cases:', 'world: { files: { /x: { colour: red } } }\ncases:'), 'Known here: writable, content, sha256, package, hardLinkOf.'],
    ['apiVersion: belay/v1\nkind: Policy\n', 'c.yaml:2:7: A file of cases holds documents of kind PolicyTest only. Keep policies in files of their own, and name those under policies.'],
    ['[1', 'c.yaml:1:3: Flow sequence must end with a ].'],
    ['', 'c.yaml:1:1: The file is empty. Begin with apiVersion: belay/v1 and kind: PolicyTest.'],
    [`${head}cases: *nowhere\n`, 'or for nothing'],
    [`${head}__proto__: { cases: [] }\ncases: []\n`, 'Unknown key "__proto__"'],
    [`# ${'x'.repeat(3_000_000)}`, 'larger than 2 MiB'],
    [`${one('expect: deny')}---\n${one('expect: denied')}`, 'c.yaml:11:49: "denied" does not fit here.'],
  ])('%#', (text, told) => expect(problems(text).join('\n')).toContain(told));

  test('what a file quotes is inert', () => expect(problems(one('"\\e[31m": 1, expect: deny')).join('')).toContain('Unknown key "\\u{1b}[31m"'));
});

test('whatever a file holds, there is an answer', () => {
  const scalar = fc.oneof(fc.string({ maxLength: 8 }), fc.integer(), fc.boolean(), fc.constant(null));
  const words = ['who', 'run', 'expect', 'decision', 'demands', 'obligations', 'world', 'files', 'cases', 'name', 'at', 'as', 'device', '/x'];
  const value = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, scalar, fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 4 })), tie('value'), { maxKeys: 4 })),
  })).value;
  fc.assert(fc.property(value, value, (world, cases) => {
    const document = { apiVersion: 'belay/v1', kind: 'PolicyTest', metadata: { name: 'c' }, world, cases };
    const loaded = loadCaseFile({ name: 'c.yaml', text: JSON.stringify(document) });
    for (const problem of loaded.ok ? [] : loaded.error) expect([problem.line, problem.remedy.length > 0]).toEqual([1, true]);
  }), { numRuns: 300 });
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
    expect(typeof loadCaseFile({ name: 'c.yaml', text: `kind: PolicyTest\n${text}` }).ok).toBe('boolean');
  }), { numRuns: 300 });
});

describe('files of cases and files of policies', () => {
  const policy = 'apiVersion: belay/v1\nkind: Policy\nmetadata: { name: p }\nrules: [{ name: r, then: deny }] # PolicyTest\n';
  test.each([
    ['cases', one('expect: deny'), true, true],
    ['a policy', policy, false, false],
    ['both', `${policy}---\n${one('expect: deny')}`, true, false],
    ['cases that cannot be read', `${one('expect: deny')}]`, true, false],
    ['nothing', '', false, false],
  ])('are told apart: %s', (_name, text, holds, is) => {
    expect([holdsCases({ name: 'c.yaml', text }), isCaseFile({ name: 'c.yaml', text })]).toEqual([holds, is]);
  });

  test('a file of cases taken for a policy is named as what it is', () => {
    const parsed = parsePolicyDocuments([{ name: 'c.yaml', text: one('expect: deny') }]);
    expect(parsed.ok ? '' : formatProblems(parsed.error)).toContain('c.yaml:2:7: This is a file of cases, no policy. Run it with `belayctl policy test FILE`');
  });
});

test('times are with an offset, or by the clock of the device', () => {
  const at = (text: string, zone?: string): string => new Date(parseMoment(text, zone) ?? Number.NaN).toISOString();
  expect(at('2026-03-04T10:00:00Z', 'Asia/Tokyo')).toBe('2026-03-04T10:00:00.000Z');
  expect(at('2026-03-04T10:00:00+02:00')).toBe('2026-03-04T08:00:00.000Z');
  expect(at('2026-03-04 10:00')).toBe('2026-03-04T10:00:00.000Z');
  expect(at('2026-03-04 10:00', 'Asia/Tokyo')).toBe('2026-03-04T01:00:00.000Z');
  expect(at('2026-03-29 03:30', 'Europe/Berlin')).toBe('2026-03-29T01:30:00.000Z');
  expect(at('2026-10-25 12:00', 'Europe/Berlin')).toBe('2026-10-25T11:00:00.000Z');
});

describe('the world', () => {
  const ask = { who: 'ada', run: ['/usr/bin/x'] };
  const question = (world: Parameters<typeof questionIn>[0], more: object = {}) => questionIn(world, { ...ask, ...more }, { sha256 });

  test('who and what is not listed exists, each with a number of its own', () => {
    const { request, context } = question({ users: { eve: 60_001 } }, { groups: ['dev', 'gid:7'], as: { user: 'web' } });
    const ids = [request.requester.uid, context.userId('bob') as number, request.runAs.uid, 60_001, 0];
    expect(new Set(ids).size).toBe(5);
    expect(request.requester.groups).toEqual([context.groupId('ada'), context.groupId('dev'), 7]);
    expect(request.runAs.gid).toBe(context.groupId('web'));
    expect([context.userId('root'), context.groupId('root')]).toEqual([0, 0]);
    expect(context.objectOf(bytesIn('/anywhere'))).toBeDefined();
    expect(context.objectOf(bytesIn('/anywhere'))?.inode).not.toBe(request.executable.inode);
  });

  test('what is absent or unknown is', () => {
    const { request, context } = question({ users: { ada: 'unknown', bob: 'absent' }, groups: { dev: 'unknown', ops: 'absent' }, files: { '/gone': 'absent' } }, { groups: ['dev'] });
    expect([context.userId('ada'), context.userId('bob'), context.groupId('dev'), context.groupId('ops')]).toEqual([undefined, -1, undefined, -1]);
    expect(request.requester.uid).toBeGreaterThan(0);
    expect(context.objectOf(bytesIn('/gone'))).toBeUndefined();
  });

  test('as a group alone it runs as oneself, and a uid without a name has none', () => {
    expect(question({ users: { ada: 5 } }, { as: { group: 'ops' } }).request.runAs).toMatchObject({ uid: 5, userName: 'ada', groupName: 'ops' });
    expect(question({ users: { web: 33 } }, { as: { uid: 33 } }).request.runAs).toMatchObject({ uid: 33, userName: 'web', groupName: 'web' });
    expect(question({}, { as: { uid: 34 } }).request.runAs).toEqual({ uid: 34, gid: 34, groups: [34], userName: undefined, groupName: undefined });
    expect(question({}, { who: 'uid:9' }).request.requester).toEqual({ uid: 9, gid: 9, groups: [9], name: undefined });
  });

  test('bytes are written as \\xHH', () => expect(bytesIn('a\\xffü\\x5cx41')).toBe('a\u00ff\u00c3\u00bc\\x41'));
});
