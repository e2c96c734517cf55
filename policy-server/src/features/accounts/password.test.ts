import { expect, test } from '@jest/globals';
import { hashPassword, isPassword } from './password.ts';

test('a hash is argon2id with its cost and a salt of its own, and opens to the password only', async () => {
  const [one, two] = [await hashPassword('pässword'), await hashPassword('pässword')];
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  expect(two).not.toBe(one);
  expect(await isPassword('pässword', one)).toBe(true);
  // The same letters, composed otherwise: another keyboard.
  expect(await isPassword('pa\u0308ssword', one)).toBe(true);
  for (const wrong of ['', 'password', 'pässword ', `pässword${'x'.repeat(2000)}`]) expect(await isPassword(wrong, one)).toBe(false);
});

test('without a hash, or with a broken one, the answer is no', async () => {
  for (const hash of [undefined, '', 'x', '$argon2id$v=19$m=1,t=1,p=1$AAAA$AAAA', '$2b$10$abcdefghijklmnopqrstuv']) expect(await isPassword('', hash)).toBe(false);
});

test('a hash made at another cost still opens', async () => {
  const { argon2Sync } = await import('node:crypto');
  const salt = Buffer.alloc(16, 7);
  const tag = argon2Sync('argon2id', { message: Buffer.from('x'), nonce: salt, tagLength: 32, memory: 64, passes: 1, parallelism: 2 });
  const text = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '');
  expect(await isPassword('x', `$argon2id$v=19$m=64,t=1,p=2$${text(salt)}$${text(tag)}`)).toBe(true);
});
