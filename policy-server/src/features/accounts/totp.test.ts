import { expect, test } from '@jest/globals';
import { base32, codeAt, matchingStep, otpauthUri, stepAt } from './totp.ts';

const secret = Buffer.from('12345678901234567890');

test('codes are those of RFC 6238, appendix B, and of RFC 4226, appendix D', () => {
  const vectors: readonly (readonly [number, string])[] = [[59, '287082'], [1111111109, '081804'], [1111111111, '050471'], [1234567890, '005924'], [2000000000, '279037'], [20000000000, '353130']];
  for (const [seconds, code] of vectors) expect(codeAt(secret, stepAt(seconds * 1000))).toBe(code);
  expect(['755224', '287082', '359152', '969429', '338314', '254676', '287922', '162583', '399871', '520489']).toEqual(Array.from({ length: 10 }, (_, count) => codeAt(secret, count)));
});

test('a code is taken one step early or late, not two', () => {
  const at = 1_790_000_000_000;
  const step = stepAt(at);
  for (const off of [-1, 0, 1]) expect(matchingStep(secret, codeAt(secret, step + off), at)).toBe(step + off);
  for (const off of [-2, 2, 100]) expect(matchingStep(secret, codeAt(secret, step + off), at)).toBeUndefined();
  for (const wrong of ['', '12345', '1234567', 'abcdef', ' 12345', '١٢٣٤٥٦']) expect(matchingStep(secret, wrong, at)).toBeUndefined();
});

test('base32 is that of RFC 4648, section 10', () => {
  const vectors = { '': '', f: 'MY', fo: 'MZXQ', foo: 'MZXW6', foob: 'MZXW6YQ', fooba: 'MZXW6YTB', foobar: 'MZXW6YTBOI' };
  for (const [text, encoded] of Object.entries(vectors)) expect(base32(Buffer.from(text))).toBe(encoded);
  expect(otpauthUri(secret, 'a b', 'host')).toBe('otpauth://totp/Belay%20host:a%20b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Belay%20host');
});
