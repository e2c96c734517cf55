import { expect, test } from '@jest/globals';
import type { ByteString } from '@belay/core/bytes';
import { inert, inertBytes } from './inert.ts';

// T-29
test('text that acts is shown, not done', () => {
  expect(inert('a\u001b[31mb\nc\u0007')).toBe(String.raw`a\u001b[31mb\u000ac\u0007`);
  expect(inert('safe\u202etxt.exe\u200b\u2066')).toBe(String.raw`safe\u202etxt.exe\u200b\u2066`);
  expect(inert('Grüße, 世界 ✓')).toBe('Grüße, 世界 ✓');
  expect(inert('x'.repeat(20), 5)).toBe('xxxxx…');
});

test('bytes that are no text are shown byte by byte', () => {
  expect(inertBytes(Buffer.from('ünï').toString('latin1') as ByteString)).toBe('ünï');
  expect(inertBytes('a\xff\x1b' as ByteString)).toBe(String.raw`a\xff\x1b`);
});
