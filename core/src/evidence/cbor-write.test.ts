import { expect, test } from '@jest/globals';
import { encode, rfc8949EncodeOptions } from 'cborg';
import fc from 'fast-check';
import { toHex } from '../bytes.ts';
import { type CborValue, readCanonical } from './cbor-read.ts';
import { withCanonical, writeCanonical } from './cbor-write.ts';

const reference = (value: CborValue): string => toHex(encode(value, rfc8949EncodeOptions));

const leaf = fc.oneof(
  fc.constantFrom<CborValue>(null, true, false, 0, 23, 24, 255, 256, 65_535, 65_536, 4_294_967_295, 4_294_967_296, Number.MAX_SAFE_INTEGER, -1, -24, -25, -257, Number.MIN_SAFE_INTEGER),
  fc.maxSafeInteger(),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }),
);
const { value } = fc.letrec<{ value: CborValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.array(tie('value'), { maxLength: 30 }),
    // The reader takes no `__proto__`.
    fc.dictionary(fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: 'grapheme', maxLength: 12 })).filter((key) => key !== '__proto__'), tie('value'), { maxKeys: 30, noNullPrototype: true }),
  ) as fc.Arbitrary<CborValue>,
}));

test('every value is written as cborg writes it by the rules of RFC 8949, 4.2, and is read again', () => {
  fc.assert(fc.property(value, (each) => {
    const written = writeCanonical(each);
    expect(toHex(written)).toBe(reference(each));
    expect(toHex(writeCanonical(readCanonical(written)))).toBe(toHex(written));
  }), { numRuns: 500 });
});

test('after a prefix it is the same, however long either is', () => {
  const isAfter = (prefix: Uint8Array, each: CborValue): void => expect(withCanonical(prefix, each, toHex)).toBe(toHex(prefix) + reference(each));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), value, isAfter), { numRuns: 200 });
  isAfter(new Uint8Array([1]), { a: new Uint8Array(200_000).fill(7) });
  // One that is cborg's to write.
  expect(withCanonical(new Uint8Array([1]), Object.create(null) as CborValue, toHex)).toBe('01a0');
  expect(withCanonical(new Uint8Array(300_000), null, ({ length }) => length)).toBe(300_001);
});

test('keys sort by the bytes of their encoding, whatever their length', () => {
  const keys = ['', 'a', 'b', 'aa', 'é', 'z', '日本', 'x'.repeat(23), 'a'.repeat(24), 'y'.repeat(255), 'b'.repeat(256), '__proto__x'];
  const map = Object.fromEntries(keys.map((key, index) => [key, index]));
  expect(toHex(writeCanonical(map))).toBe(reference(map));
});

test('more than the buffer holds is written whole', () => {
  const large = { a: new Uint8Array(200_000).fill(7), b: 'x'.repeat(100_000), c: [new Uint8Array(70_000)] };
  expect(toHex(writeCanonical(large))).toBe(reference(large));
});

test('what has no canonical form here is left to cborg, which refuses it', () => {
  expect(() => writeCanonical({ a: Symbol('x') } as unknown as CborValue)).toThrow('unsupported type: symbol');
  expect(() => writeCanonical({ a: () => 1 } as unknown as CborValue)).toThrow('unsupported type: Function');
});

test('a value written is not changed by the next one', () => {
  const first = writeCanonical([1, 2, 3]);
  writeCanonical([9, 9, 9, 9]);
  expect(toHex(first)).toBe('83010203');
});
