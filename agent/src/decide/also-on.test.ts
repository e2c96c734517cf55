import { describe, expect, test } from '@jest/globals';
import type { ElevationRequest } from '@belay/core/request';
import { objectionToOthers, otherDevices } from './also-on.ts';
import type { Permit } from './enforceable.ts';

describe('the names of other devices', () => {
  const many = (count: number): readonly string[] => Array.from({ length: count }, (_, at) => `web-${at}`);

  test.each<[string, readonly string[], readonly string[] | RegExp]>([
    ['none', [], []],
    ['each once, as they are written', ['web-02', 'web-03', 'web-02', 'WEB-02'], ['web-02', 'web-03', 'WEB-02']],
    ['fifty, one of them twice', [...many(50), 'web-0'], many(50)],
    ['fifty-one', many(51), /at most 50 other devices\. Ask for the others/],
    ['an empty one', ['web-02', ''], /1 to 253 bytes.*--also-on web-02,web-03/],
    ['the longest', ['x'.repeat(253)], ['x'.repeat(253)]],
    ['one that is too long', ['x'.repeat(254)], /1 to 253 bytes/],
    ['one that is too long in bytes', ['ü'.repeat(127)], /1 to 253 bytes/],
    ['one that acts on terminals (T-29)', ['web\u001b[2J'], /no control characters/],
    ['one of two lines', ['web\nroot'], /no control characters/],
  ])('%s', (_, names, expected) => {
    const read = otherDevices(names);
    if (expected instanceof RegExp) expect(read.ok ? 'taken' : read.error).toMatch(expected);
    else expect(read).toEqual({ ok: true, value: expected });
  });
});

describe('on other devices nobody can ask', () => {
  const ask = (emergency?: true) => ({ kind: 'ask', demands: { approval: [], emergency } }) as unknown as Extract<Permit, { kind: 'ask' }>;
  const request = (runAs: object = {}, requester: object = {}) => ({ requester: { uid: 2001, name: 'alice', ...requester }, runAs: { uid: 0, gid: 0, ...runAs } }) as unknown as ElevationRequest;

  test.each<[string, RegExp, ReturnType<typeof ask>, ElevationRequest]>([
    ['for an emergency', /An emergency is for one device\. Ask without --also-on/, ask(true), request()],
    ['to run as another user', /other numbers on other devices\. Ask without --also-on/, ask(), request({ uid: 33 })],
    ['to run as another group', /other numbers on other devices\. Ask without --also-on/, ask(), request({ gid: 33 })],
    ['without a name', /your user id has none here.*ask without --also-on/, ask(), request({}, { name: undefined })],
  ])('%s', (_, expected, of, what) => expect(objectionToOthers(of, what)).toMatch(expected));

  test('but for what runs as root everybody who has a name can', () => expect(objectionToOthers(ask(), request())).toBeUndefined());
});
