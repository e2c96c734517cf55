import { expect, test } from '@jest/globals';
import type { ByteString } from '@belay/core/bytes';
import { isReason, readReason } from './reasons.ts';

const demand = { minLength: 5, patterns: ['(OPS|SEC)-[0-9]+.*'], suggestions: ['Monthly patches', 'OPS-1 monthly patches'] };
const read = (text: string, wanted = demand) => readReason(Buffer.from(text).toString('latin1') as ByteString, wanted);

test('a reason is taken without the spaces around it, as text', () => {
  expect(read('  OPS-12 Zertifikat fällig ')).toEqual({ ok: true, value: 'OPS-12 Zertifikat fällig' });
  expect(read('ünïcö', { ...demand, patterns: [] })).toEqual({ ok: true, value: 'ünïcö' });
  expect(readReason('\u00ff\u00fe12345' as ByteString, demand)).toEqual({ ok: false, error: 'the reason is not valid text.' });
});

test('what is too short or too long is told by how much', () => {
  expect(read('OPS')).toEqual({ ok: false, error: 'the reason needs at least 5 characters.' });
  expect(read('', { minLength: 0, patterns: [], suggestions: [] })).toEqual({ ok: false, error: 'the reason needs at least 1 characters.' });
  expect(read(`OPS-1 ${'x'.repeat(1000)}`)).toMatchObject({ ok: false, error: expect.stringContaining('at most 1000') });
});

test('what is of another form is told in words, with a suggestion that would do, and the pattern after that', () => {
  const { error } = read('because I say so') as { readonly error: string };
  expect(error).toBe('the reason is not of the form that the rule wants, such as a ticket\'s number and what it is for. For instance: OPS-1 monthly patches. As a pattern: (OPS|SEC)-[0-9]+.*');
  expect(read('x OPS-1').ok).toBe(false);
  expect(read('OPS-1x').ok).toBe(true);
});

test('of several patterns each must match, and one that cannot be read is met by nothing', () => {
  expect(read('OPS-1 abc', { ...demand, patterns: ['OPS.*', '.*abc'] }).ok).toBe(true);
  expect(read('OPS-1 abd', { ...demand, patterns: ['OPS.*', '.*abc'] }).ok).toBe(false);
  expect(read('OPS-1 abc', { ...demand, patterns: ['('] }).ok).toBe(false);
  expect(isReason('OPS-1 abc', demand)).toBe(true);
  expect(isReason('OPS', { ...demand, patterns: [] })).toBe(false);
  expect(isReason(undefined, { ...demand, minLength: 0, patterns: [] })).toBe(false);
});
