import { expect, test } from '@jest/globals';
import type { ByteString } from '@belay/core/bytes';
import { NO_OBLIGATIONS, type Obligations } from '@belay/core/policy';
import { objectionTo } from './objection.ts';

const usual = ['HOME=/root', 'PATH=/usr/bin'] as ByteString[];

function objection(asked: Readonly<Record<string, string>>, env: readonly string[], obligations: Partial<Obligations> = {}, records = true): string | undefined {
  const plain: Obligations = {
    ...NO_OBLIGATIONS, sha256: undefined, argv0: '/bin/x' as ByteString, environment: { keep: [], set: [] }, cwd: undefined, diskFull: 'deny', recorderUnable: 'deny', conflicts: [],
  };
  return objectionTo({ kind: 'allow', by: [{ policy: 'work', rule: 'r' }], message: undefined, obligations: { ...plain, ...obligations } }, env as readonly ByteString[], { usual, others: new Map(Object.entries(asked)), asked: Object.keys(asked) }, { records });
}

test('nothing stands against a yes that asks for nothing, and what was asked for by name is there', () => {
  expect(objection({}, usual)).toBeUndefined();
  expect(objection({ A: '1' }, [...usual, 'A=1'])).toBeUndefined();
});

// SECURITY(T-19): the name alone is not what was asked for: the usual PATH is there, the caller's is not.
test.each<[string, Readonly<Record<string, string>>]>([
  ['PATH', { PATH: '/tmp' }],
  ['A', { A: '2' }],
  ['B', { A: '1', B: '' }],
])('%s is named when it would not be as it was asked for', (name, asked) => {
  expect(objection(asked, [...usual, 'A=1'])).toBe(`the variable ${name} cannot be kept or set: the rule "work/r" does not say so. Leave it out, or ask IT.`);
});

test('what nobody enforces comes first', () => {
  expect(objection({ PATH: '/tmp' }, usual, { network: 'deny', children: 'deny' })).toBe('the rule "work/r" needs "limits.children: deny", "limits.network", which this agent cannot enforce.');
});

test('a session is recorded where the front end can; where it cannot, the rule says whether that is borne', () => {
  expect(objection({}, usual, { record: 'session' })).toBeUndefined();
  expect(objection({}, usual, { record: 'session' }, false)).toContain('"record: session"');
  expect(objection({}, usual, { record: 'session', recorderUnable: 'allow' }, false)).toBeUndefined();
  expect(objection({}, usual, { record: 'commands', recorderUnable: 'allow' })).toContain('"record: commands"');
});
