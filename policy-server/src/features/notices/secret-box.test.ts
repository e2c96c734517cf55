import { expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { createSecretBox } from './secret-box.ts';

const secret = Buffer.from('a secret of some length');

test('what was closed opens again, for its row and with its key only', () => {
  const key = randomBytes(32);
  const box = createSecretBox(key);
  const closed = box.close(secret, 'w-1');
  expect(Buffer.from(closed).includes(secret)).toBe(false);
  expect(Buffer.from(box.open(closed, 'w-1') ?? [])).toEqual(secret);
  expect(Buffer.from(box.close(secret, 'w-1')).equals(closed)).toBe(false);
  expect([box.open(closed, 'w-2'), createSecretBox(randomBytes(32)).open(closed, 'w-1')]).toEqual([undefined, undefined]);
});

test('changed anywhere or cut anywhere it does not open', () => {
  const box = createSecretBox(randomBytes(32));
  const closed = Buffer.from(box.close(secret, 'w-1'));
  for (let at = 0; at < closed.length; at++) {
    const changed = Buffer.from(closed);
    changed[at] = (changed[at] as number) ^ 1;
    expect([at, box.open(changed, 'w-1'), box.open(closed.subarray(0, at), 'w-1')]).toEqual([at, undefined, undefined]);
  }
});
