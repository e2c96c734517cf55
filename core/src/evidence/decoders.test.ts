import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ed25519Verify, generateEd25519, sha256 } from '@belay/core/node-crypto';
import { concatBytes } from '../bytes.ts';
import { base64Of, base64UrlOf, bytesOfBase64, bytesOfBase64Url } from './base64.ts';
import { type CborValue, decodeCanonical, encodeCanonical } from './cbor.ts';
import { openEnvelope } from './envelope.ts';
import { decodeEvent } from './event.ts';
import { utf8 } from './identity.ts';
import { parseExportLine } from './export-format.ts';
import { PAYLOADS, type EnvelopeKind } from './payloads.ts';
import { encodeToken, parseToken } from './token.ts';

/** At full length in `npm run soak`. */
const SOAK = process.env['BELAY_SOAK'] === '1' ? 50 : 1;
const root = generateEd25519();
const trust = { serverId: sha256(root.publicKey), rootKey: root.publicKey, keys: [] };
const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

test('bytes of any kind never make a decoder throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(decodeEvent(bytes, sha256).ok).toBe(false);
      for (const kind of Object.keys(PAYLOADS) as EnvelopeKind[]) expect(openEnvelope(bytes, kind, trust, ed25519Verify, 0).ok).toBe(false);
      const decoded = decodeCanonical(bytes);
      if (decoded.ok) expect(Buffer.from(encodeCanonical(decoded.value)).equals(bytes)).toBe(true);
      expect(parseToken(`belay1.${base64UrlOf(bytes)}`, sha256).ok).toBe(false);
    }),
    { numRuns: 1000 * SOAK },
  );
  fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => {
    expect(parseToken(text, sha256).ok).toBe(false);
    expect(parseExportLine(text)).toBeUndefined();
    const bytes = bytesOfBase64(text);
    if (bytes !== undefined) expect(base64Of(bytes)).toBe(text);
  }), { numRuns: 1000 * SOAK });
});

test.each([
  ['an integer longer than needed', '1805'],
  ['an indefinite array', '9f01ff'],
  ['an indefinite text', '7f6161ff'],
  ['a key twice', 'a2616101616102'],
  ['keys out of order', 'a2616201616101'],
  ['a key that is no text', 'a10102'],
  ['a tag', 'c001'],
  ['undefined', 'f7'],
  ['not a number', 'f97e00'],
  ['a fraction', 'f93e00'],
  ['an integer beyond 2^53', '1b0020000000000001'],
  ['text that is not UTF-8', '62c328'],
  ['bytes after the end', '0100'],
  ['a promise of a huge array', '9b7fffffffffffffff'],
  ['a promise of huge bytes', '5b00000fffffffffff'],
  ['a key that is the prototype\'s', 'a1695f5f70726f746f5f5fa0'],
  ['arrays nested a hundred thousand deep', '81'.repeat(100_000)],
])('%s is refused', (_what, encoded) => {
  expect(decodeCanonical(hex(encoded)).ok).toBe(false);
});

test('whatever can be written can be read, to the same value', () => {
  const value = fc.letrec((tie) => ({
    any: fc.oneof({ depthSize: 'small' }, fc.constant(null), fc.boolean(), fc.maxSafeInteger(), fc.string({ unit: 'binary' }), fc.uint8Array(), fc.array(tie('any'), { maxLength: 4 }),
      fc.dictionary(fc.string({ maxLength: 5 }).filter((key) => key !== '__proto__'), tie('any'), { maxKeys: 4, noNullPrototype: true })),
  })).any;
  fc.assert(fc.property(value, (given) => {
    const decoded = decodeCanonical(encodeCanonical(given as never));
    expect(decoded.ok).toBe(true);
    if (decoded.ok) expect(Buffer.from(encodeCanonical(decoded.value)).equals(encodeCanonical(given as never))).toBe(true);
  }), { numRuns: 200 * SOAK });
});

test('whatever is read encodes to the very bytes it was read from, so nothing signed has two forms', () => {
  const sample = encodeCanonical({ a: 1, bb: [null, true, 'text', new Uint8Array([1, 2, 3])], c: { x: -1, yy: 500, zzz: 70_000, w: 2 ** 40 }, long: 'x'.repeat(40) });
  let read = 0;
  fc.assert(fc.property(fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }), fc.nat(sample.length), (changes, cut) => {
    const changed = Uint8Array.from(cut % 4 === 0 ? sample.subarray(0, cut) : sample);
    for (const [at, byte] of changes) if (at < changed.length) changed[at] = byte;
    const decoded = decodeCanonical(changed);
    if (!decoded.ok) return;
    read += 1;
    expect(Buffer.from(encodeCanonical(decoded.value)).equals(changed)).toBe(true);
  }), { numRuns: 3000 * SOAK });
  expect(read).toBeGreaterThan(100);
});

test('base64 reads what it wrote, as Node would, and nothing that is padded otherwise', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
    expect(base64Of(bytes)).toBe(Buffer.from(bytes).toString('base64'));
    expect(base64UrlOf(bytes)).toBe(Buffer.from(bytes).toString('base64url'));
    expect(Buffer.from(bytesOfBase64(base64Of(bytes)) as Uint8Array).equals(bytes)).toBe(true);
    expect(Buffer.from(bytesOfBase64Url(base64UrlOf(bytes)) as Uint8Array).equals(bytes)).toBe(true);
  }));
  for (const text of ['A', 'AA', 'AA=', 'AB==', 'AA==\n', 'A===', '====', 'AA==AA==']) expect(bytesOfBase64(text)).toBeUndefined();
});

const token = { address: 'belay.example.org:8443', secret: 'a secret text', serverId: new Uint8Array(32).fill(7) };

test('an enrolment token comes back whole, with space around it too', () => {
  const parsed = parseToken(`  ${encodeToken(token, sha256)}\n`, sha256);
  expect(parsed).toEqual({ ok: true, value: { ...token, serverId: expect.anything() } });
  if (parsed.ok) expect([...parsed.value.serverId]).toEqual([...token.serverId]);
});

test('a token that was mistyped or cut anywhere is refused, and says what to do', () => {
  const text = encodeToken(token, sha256);
  for (let at = 7; at < text.length; at++) {
    const wrong = text.charAt(at) === 'A' ? 'B' : 'A';
    for (const damaged of [text.slice(0, at), text.slice(0, at) + wrong + text.slice(at + 1)]) {
      expect(parseToken(damaged, sha256)).toMatchObject({ ok: false, error: { code: 'BELAY_E_TOKEN', message: expect.stringContaining('copy the whole of it again') } });
    }
  }
  expect(parseToken('hunter2', sha256)).toMatchObject({ ok: false, error: { message: expect.stringContaining('begins with "belay1."') } });
});

describe('an event whose form is not the one', () => {
  const bytes = (length: number) => new Uint8Array(length);
  const hidden = { argv: sha256(concatBytes(utf8('belay/commit/v1'), encodeCanonical([bytes(16), 'argv', 'x']))) };
  const payload = { v: 1, chain: bytes(32), seq: 1, prev: bytes(32), key: 0, time: 0, boot: 0, bootId: '', type: 't', fields: { a: 1 }, hidden };
  const record = { s: bytes(64), d: [['argv', bytes(16), 'x']] };
  const read = (of: object, outer: object = {}): string | true => {
    const decoded = decodeEvent(encodeCanonical({ p: encodeCanonical({ ...payload, ...of } as CborValue), ...record, ...outer } as CborValue), sha256);
    return decoded.ok || decoded.error.code;
  };

  test('the right one is read', () => expect(read({})).toBe(true));

  const wrong: Readonly<Record<string, readonly [of: object, outer?: object]>> = {
    'of a version to come': [{ v: 2 }], 'with a short chain id': [{ chain: bytes(31) }], 'with a text for one': [{ chain: 'x'.repeat(32) }], 'with the number 0': [{ seq: 0 }],
    'with a negative time': [{ time: -1 }], 'with a long boot id': [{ bootId: 'x'.repeat(65) }], 'with a long type': [{ type: 'x'.repeat(65) }], 'with one thing more': [{ more: 1 }],
    'with a list of fields': [{ fields: [] }], 'with bytes for fields': [{ fields: bytes(1) }], 'with nothing for fields': [{ fields: null }], 'with a long field name': [{ fields: { ['x'.repeat(65)]: 1 } }],
    'with a short commitment': [{ hidden: { argv: bytes(31) } }], 'with a text for a commitment': [{ hidden: { argv: 'x' } }], 'with a list of commitments': [{ hidden: [bytes(32)] }],
    'with a short signature': [{}, { s: bytes(63) }], 'with a text for a payload': [{}, { p: 'x' }], 'with one thing more beside it': [{}, { x: 1 }], 'with a map of disclosures': [{}, { d: {} }],
    'with a disclosure of two': [{}, { d: [['argv', bytes(16)]] }], 'with one of four': [{}, { d: [['argv', bytes(16), 'x', 'y']] }], 'with a short salt': [{}, { d: [['argv', bytes(15), 'x']] }],
    'with a number for a disclosed name': [{}, { d: [[1, bytes(16), 'x']] }], 'with a long disclosed name': [{}, { d: [['x'.repeat(65), bytes(16), 'x']] }], 'with 65 disclosures': [{}, { d: Array.from({ length: 65 }, () => ['argv', bytes(16), 'x']) }],
  };
  test.each(Object.entries(wrong))('%s', (_what, [of, outer]) => expect(read(of, outer)).toBe('BELAY_E_MALFORMED'));

  test('what is disclosed must be what was committed to, and once', () => {
    for (const d of [[['argv', bytes(16), 'y']], [['other', bytes(16), 'x']], [...record.d, ...record.d]]) expect(read({}, { d })).toBe('BELAY_E_CHAIN_BROKEN');
    expect(read({}, { d: [] })).toBe(true);
  });
});
