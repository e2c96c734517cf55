import { describe, expect, test } from '@jest/globals';
import { type ByteString, encodeUtf8 } from '@belay/core/bytes';
import { scopeOf, scopeText, type ScopeWish } from './wanted-scope.ts';

type Request = Parameters<typeof scopeOf>[1];
const request = (args: readonly string[], resolved = '/usr/bin/systemctl', runAs = { uid: 0, gid: 0 }): Request =>
  ({ deviceId: 'd-1', requester: { uid: 2001, name: 'alice' }, executable: { resolved }, args, runAs }) as unknown as Request;
const elsewhere: ScopeWish = { anyArguments: undefined, alsoOn: ['web-02'] };
const scope = (args: readonly string[], runAs = { runAsUid: 0, runAsGid: 0 }) => ({ ok: true, value: { commands: [{ command: '/usr/bin/systemctl', args }], ...runAs } });

describe('what is asked for', () => {
  test('is the one exact request, where nothing else is wanted', () => {
    expect(scopeOf({ anyArguments: undefined, alsoOn: [] }, request(['restart', '\u00ff']))).toEqual({ ok: true, value: undefined });
  });

  test('is on other devices too the command with these very arguments: a star in them is a star', () => {
    expect(scopeOf(elsewhere, request(['restart', 'nginx']))).toEqual(scope(['restart', 'nginx']));
    expect(scopeOf(elsewhere, request([]))).toEqual(scope([]));
    expect(scopeOf(elsewhere, request(['*', '**', String.raw`a\b*`, encodeUtf8('grün')]))).toEqual(scope([String.raw`\*`, String.raw`\*\*`, String.raw`a\\b\*`, 'grün']));
  });

  test('is what the patterns match, where others are wanted, here and there', () => {
    for (const alsoOn of [[], ['web-02']]) {
      expect(scopeOf({ anyArguments: ['restart', '*'], alsoOn }, request(['restart', 'nginx']))).toEqual(scope(['restart', '*']));
      expect(scopeOf({ anyArguments: ['**'], alsoOn }, request(['\u00ff']))).toEqual(scope(['**']));
      expect(scopeOf({ anyArguments: ['**'], alsoOn }, request([], undefined, { uid: 33, gid: 34 }))).toEqual(scope(['**'], { runAsUid: 33, runAsGid: 34 }));
    }
  });

  const notText = 'a\u00ff' as ByteString;
  test.each<[string, ScopeWish, Request, RegExp]>([
    ['an argument that is no text', elsewhere, request(['restart', notText]), /no text \(UTF-8\).*Leave out --also-on, or say with --any-arguments/],
    ['a path that is no text', elsewhere, request([], notText), /path of this command is no text/],
    ['a path that is no text, with any arguments', { anyArguments: ['**'], alsoOn: [] }, request([], notText), /path of this command is no text/],
    ['more arguments than a grant can hold', elsewhere, request(Array.from({ length: 1001 }, () => 'x')), /too many arguments/],
    ['one that is longer than a grant can hold, once its stars are escaped', elsewhere, request(['*'.repeat(2049)]), /too long ones/],
    ['patterns that cannot be read', { anyArguments: ['**', 'x'], alsoOn: [] }, request(['x']), /The patterns for arguments: .*Move it to the end/],
    ['patterns that do not match', { anyArguments: ['stop'], alsoOn: ['web-02'] }, request(['restart']), /its own patterns do not match/],
  ])('is not %s', (_, wish, of, expected) => {
    const made = scopeOf(wish, of);
    expect(made.ok ? 'made' : made.error).toMatch(expected);
  });
});

test('as text: a word that reads as two, or as none, is quoted', () => {
  expect(scopeText({ commands: [{ command: '/bin/sh', args: ['-c', 'a b', '', String.raw`\*`] }, { command: '/bin/ls' }], runAsUid: 0, runAsGid: 0 })).toBe(String.raw`/bin/sh -c 'a b' '' '\*'; /bin/ls **`);
});
