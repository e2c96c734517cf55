import { isIP } from 'node:net';
import { endianness } from 'node:os';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addressText, normalAddress } from './socket-address.ts';

function family(number: number, rest: readonly number[]): Buffer {
  return Buffer.from(endianness() === 'LE' ? [number, 0, ...rest] : [0, number, ...rest]);
}
/** Port, then address; of IPv6 the flow comes in between and the scope after it. */
const v4 = (...bytes: readonly number[]): Buffer => family(2, [0x1f, 0x90, ...bytes, 0, 0, 0, 0, 0, 0, 0, 0]);
const v6 = (hex: string): Buffer => family(10, [0x1f, 0x90, 1, 2, 3, 4, ...Buffer.from(hex, 'hex'), 0, 0, 0, 2]);

test.each([
  [v4(192, 0, 2, 7), '192.0.2.7'],
  [v6('20010db8000000000000000000000001'), '2001:db8::1'],
  [v6('20010db8000000010000000000000001'), '2001:db8:0:1::1'],
  [v6('20010db8000100010001000000010001'), '2001:db8:1:1:1:0:1:1'],
  [v6('00000000000000000000000000000001'), '::1'],
  [v6('00000000000000000000ffffc0000207'), '192.0.2.7'],
  [v6('fe800000000000000000000000000abc'), 'fe80::abc'],
  [family(1, [0x2f, 0x72, 0x75, 0x6e, 0x2f, 0x78, 0, 0]), undefined],
  [v4(192, 0, 2, 7).subarray(0, 7), undefined],
  [v6('20010db8000000000000000000000001').subarray(0, 23), undefined],
  [Buffer.alloc(0), undefined],
])('socket address %#', (bytes, text) => expect(addressText(bytes)).toBe(text));

test.each([
  ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['::FFFF:c000:207', '192.0.2.7'],
  ['fe80::1%eth0', 'fe80::1'],
  ['192.0.2.7', '192.0.2.7'],
  ['192.0.2.7%eth0', undefined],
  ['192.0.2', undefined],
  ['0300.0.2.7', undefined],
  ['gateway.example', undefined],
  ['', undefined],
  ['::1%', '::1'],
])('%s in text', (given, text) => expect(normalAddress(given)).toBe(text));

test('every address of 16 bytes is told in one way, which leads back to itself', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.boolean(), (bytes, mapped) => {
      const octets = mapped ? [...Array<number>(10).fill(0), 255, 255, ...bytes.slice(12)] : [...bytes];
      const text = addressText(v6(Buffer.from(octets).toString('hex'))) as string;
      expect(isIP(text)).not.toBe(0);
      expect(normalAddress(text)).toBe(text);
      if (mapped) expect(text).toBe(octets.slice(12).join('.'));
    }),
  );
});

test('no bytes and no text make it fail', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => expect([0, 4, 6]).toContain(isIP(addressText(Buffer.from(bytes)) ?? ''))));
  fc.assert(fc.property(fc.oneof(fc.string(), fc.ipV6(), fc.ipV4()), (text) => expect(normalAddress(text) === undefined || isIP(normalAddress(text) as string) !== 0).toBe(true)));
});
