import { describe, expect, test } from '@jest/globals';
import { sha256 } from '../../node/crypto.ts';
import { questionIn } from '../../../tests/policy-cases/world.ts';
import { type ByteString, toHex } from '../bytes.ts';
import { requestBytes, requestDigest } from './digest.ts';
import type { ElevationRequest } from './request.ts';

const b = (text: string): ByteString => text as ByteString;
const { request } = questionIn({ users: { ada: 1001 }, files: { '/bin/a': {} } }, { who: 'ada', run: ['/bin/a', 'x', 'y'], env: ['A=1'] });
const digest = (change: Partial<ElevationRequest> = {}, hash?: string): string => toHex(requestDigest({ ...request, ...change }, sha256, hash));

describe('the digest', () => {
  test('is the same for the same', () => {
    expect(digest()).toBe(digest());
    expect(digest()).toMatch(/^[0-9a-f]{64}$/);
    // Fixed for good: grants and approvals are bound to it.
    expect(toHex(requestBytes(request).subarray(0, 28))).toBe('0000001062656c61792f726571756573742f7631000000047375646f');
    expect(digest()).toBe('c0e93b4724faab0631c15725f4aec13d552f5367869c62da1b6f5a48287206b4');
  });

  const { executable, runAs, requester } = request;
  test.each<[string, Partial<ElevationRequest>]>([
    ['door', { door: 'run' }],
    ['device', { deviceId: 'd-other' }],
    ['requester', { requester: { ...requester, uid: 7 } }],
    ['resolved path', { executable: { ...executable, resolved: b('/bin/b') } }],
    ['inode', { executable: { ...executable, inode: 5n } }],
    ['file system', { executable: { ...executable, device: 5n } }],
    ['an argument', { args: [b('x'), b('z')] }],
    ['the split of arguments', { args: [b('xy')] }],
    ['an empty argument', { args: [b('x'), b('y'), b('')] }],
    ['an argument that moves into the folder', { args: [b('x')], cwd: b(`y${request.cwd}`) }],
    ['folder', { cwd: b('/') }],
    ['environment', { env: [b('A=2')] }],
    ['no environment', { env: [] }],
    ['run-as user', { runAs: { ...runAs, uid: 5 } }],
    ['run-as group', { runAs: { ...runAs, gid: 5 } }],
    ['run-as groups', { runAs: { ...runAs, groups: [0, 5] } }],
  ])('changes with %s', (_name, change) => expect(digest(change)).not.toBe(digest()));

  test.each<[string, Partial<ElevationRequest>]>([
    ['login session', { loginSession: { sessionId: 9, leaderStart: 9, terminal: 9 } }],
    ['typed path', { executable: { ...executable, typed: b('/tmp/a'), links: [b('/bin/x')] } }],
    ["the run-as user's name", { runAs: { ...runAs, userName: 'toor' } }],
    ['the order of groups', { runAs: { ...runAs, groups: [...runAs.groups].reverse() } }],
  ])('does not change with %s', (_name, change) => expect(digest(change)).toBe(digest()));

  test('binds the content instead of the inode where the hash is known', () => {
    const hash = 'ab'.repeat(32);
    expect(digest({}, hash)).not.toBe(digest());
    expect(digest({ executable: { ...executable, inode: 99n } }, hash)).toBe(digest({}, hash));
    expect(digest({}, 'cd'.repeat(32))).not.toBe(digest({}, hash));
    expect(() => digest({}, 'short')).toThrow(TypeError);
  });

  test('takes a hundred thousand arguments', () => {
    expect(digest({ args: Array.from({ length: 100_000 }, () => b('x')) })).toHaveLength(64);
  });
});
