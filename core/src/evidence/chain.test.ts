import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ed25519Verify, generateEd25519, randomBytes, sha256 } from '@belay/core/node-crypto';
import { type CborValue, encodeCanonical } from './cbor.ts';
import { appendEvent, chainEvent, type ChainState, newChain, signUnsigned } from './chain.ts';
import { decodeEvent, encodeEvent, redactEvent, visibleFields } from './event.ts';
import type { EventDraft } from './event-types.ts';
import { concludeChain, followChain, signatureChecks, verifyEvents } from './follow.ts';
import { chainIdOf, deviceIdOf, NO_SERVER } from './identity.ts';

/** At full length in `npm run soak`. */
const SOAK = process.env['BELAY_SOAK'] === '1' ? 50 : 1;
const crypto = { sha256, verify: ed25519Verify, writer: 'device' } as const;
const deps = { sha256, random: randomBytes };

const MOMENT = { timeMs: 1, bootMs: 1, bootId: 'b' };

/** A chain of `count` outcomes with a checkpoint after every third. */
function chainOf(count: number): { start: ChainState; events: Uint8Array[]; end: ChainState } {
  let key = generateEd25519();
  const chain = chainIdOf(NO_SERVER, deviceIdOf(key.publicKey, sha256), key.publicKey, sha256);
  const start = newChain(chain, key.publicKey);
  let state = start;
  const events: Uint8Array[] = [];
  const write = (draft: EventDraft) => {
    const written = appendEvent(state, draft, { timeMs: 1000 + events.length, bootMs: events.length, bootId: 'b' }, key.sign, deps);
    state = written.state;
    events.push(written.encoded);
  };
  while (events.length < count) {
    if (events.length % 4 === 3) {
      const next = generateEd25519();
      write({ type: 'evidence.checkpoint', fields: { nextKey: next.publicKey } });
      key = next;
    } else {
      write({ type: 'elevation.listed', fields: { request: events.length, uid: 1000, user: 'alice' } });
    }
  }
  return { start, events, end: state };
}

test('a true chain verifies to its end, over key changes', () => {
  const { start, events, end } = chainOf(11);
  expect(verifyEvents(start, events, crypto)).toMatchObject({ state: end, repeated: 0, fault: undefined });
});

test('any changed byte in any event is found, at that event, and what stands before it holds', () => {
  const { start, events } = chainOf(9);
  fc.assert(
    fc.property(fc.nat(8), fc.nat(), fc.integer({ min: 1, max: 255 }), (at, offset, mask) => {
      const changed = events.map((event) => Uint8Array.from(event));
      const victim = changed[at] as Uint8Array;
      const place = offset % victim.length;
      victim[place] = (victim[place] as number) ^ mask;
      const verified = verifyEvents(start, changed, crypto);
      expect(verified.fault?.seq).toBe(at + 1);
      expect(verified.events.length).toBe(at);
      expect(verified.state.seq).toBe(at);
    }),
    { numRuns: 300 * SOAK },
  );
});

test('an event that is signed later is the same to the byte, and until then whole but for its last bytes', () => {
  const key = generateEd25519();
  const start = newChain(chainIdOf(NO_SERVER, 'd-x', key.publicKey, sha256), key.publicKey);
  const drafts: readonly EventDraft[] = [{ type: 'agent.fault', fields: { where: 'here' } }, { type: 'elevation.outcome', fields: { request: 1, uid: 1, user: 'a', end: 'exited', value: 0, durationMs: 1 } }];
  for (const draft of drafts) {
    const salts = { sha256, random: (count: number) => new Uint8Array(count).fill(7) };
    const atOnce = appendEvent(start, draft, MOMENT, key.sign, salts);
    const unsigned = chainEvent(start, draft, MOMENT, salts);
    const before = Uint8Array.from(unsigned.encoded);
    const read = decodeEvent(before, sha256);
    if (!read.ok) throw new Error('it can be read');
    expect(read.value).toEqual({ ...unsigned.record, signature: new Uint8Array(64) });
    expect(signUnsigned(start, unsigned, key.sign, sha256)).toEqual(atOnce);
    expect(before.subarray(0, -64)).toEqual(unsigned.encoded.subarray(0, -64));
    expect(signUnsigned(start, { record: read.value, encoded: before }, key.sign, sha256)).toEqual(atOnce);
  }
});

test('an event that was made to claim the place before it is found where it stands', () => {
  const { start, events } = chainOf(6);
  const decoded = decodeEvent(events[5] as Uint8Array, sha256);
  if (!decoded.ok) throw new Error('a good event');
  const payloadBytes = encodeCanonical({ ...decoded.value.payload, seq: 5 } as unknown as CborValue);
  const forged = encodeEvent({ ...decoded.value, payloadBytes });
  expect(verifyEvents(start, [...events.slice(0, 5), forged], crypto).fault).toMatchObject({ seq: 6, code: 'BELAY_E_SIGNATURE' });
  const held = verifyEvents(start, events.slice(0, 5), crypto).state;
  expect(verifyEvents(held, [...events.slice(3, 5), forged], crypto).fault).toMatchObject({ seq: 6, code: 'BELAY_E_SIGNATURE' });
});

test('a deleted event is named by its number', () => {
  const { start, events } = chainOf(9);
  const verified = verifyEvents(start, [...events.slice(0, 4), ...events.slice(5)], crypto);
  expect(verified.fault).toMatchObject({ seq: 5, code: 'BELAY_E_CHAIN_GAP', detail: 'Event 5 is missing.' });
});

test('two swapped events are found at the first of them', () => {
  const { start, events } = chainOf(9);
  const swapped = [...events];
  [swapped[1], swapped[2]] = [swapped[2] as Uint8Array, swapped[1] as Uint8Array];
  expect(verifyEvents(start, swapped, crypto).fault?.seq).toBe(2);
});

test('events sent again are passed over, and one that differs is a fork', () => {
  const { start, events } = chainOf(9);
  const first = verifyEvents(start, events.slice(0, 6), crypto);
  const again = verifyEvents(first.state, events.slice(3), crypto);
  expect(again).toMatchObject({ repeated: 3, fault: undefined, state: { seq: 9 } });
  const other = chainOf(9);
  const hashAt = (seq: number) => sha256(events[seq - 1] as Uint8Array);
  expect(verifyEvents(first.state, events.slice(2, 3), { ...crypto, hashAt }).fault).toMatchObject({ seq: 3, code: 'BELAY_E_CHAIN_FORK' });
  expect(verifyEvents(first.state, other.events, crypto).fault).toMatchObject({ seq: 7, code: 'BELAY_E_CHAIN_BROKEN' });
});

test('a second history under the same key is a fork at the place where it parts', () => {
  const key = generateEd25519();
  const start = newChain(chainIdOf(NO_SERVER, 'd-x', key.publicKey, sha256), key.publicKey);
  const write = (state: ChainState, code: string) => appendEvent(state, { type: 'policy.refused', fields: { code, what: 'order' } }, MOMENT, key.sign, deps);
  const [one, other] = [write(start, 'a'), write(start, 'b')];
  expect(verifyEvents(one.state, [write(other.state, 'c').encoded], crypto).fault).toMatchObject({ seq: 1, code: 'BELAY_E_CHAIN_FORK' });
  expect(verifyEvents(one.state, [other.encoded], crypto).fault).toMatchObject({ seq: 1, code: 'BELAY_E_CHAIN_FORK' });
});

test('nobody but the device can accuse it of a fork or a gap', () => {
  const { start, events } = chainOf(3);
  const held = verifyEvents(start, events.slice(0, 1), crypto);
  for (const bytes of [events[0], events[2]] as Uint8Array[]) {
    const record = decodeEvent(bytes, sha256);
    if (!record.ok) throw new Error('a good event');
    const forged = encodeEvent({ ...record.value, signature: new Uint8Array(64) });
    const verified = verifyEvents(held.state, [bytes === events[0] ? otherTime(forged) : forged], crypto);
    expect(verified.fault?.code).toBe('BELAY_E_SIGNATURE');
  }
});

/** The same event with another time, so that it claims a place that is taken. */
function otherTime(encoded: Uint8Array): Uint8Array {
  const record = decodeEvent(encoded, sha256);
  if (!record.ok) throw new Error('a good event');
  return encodeEvent({ ...record.value, payloadBytes: encodeCanonical({ ...record.value.payload, time: 5 } as unknown as CborValue) });
}

test('an event signed with the key before the checkpoint does not hold', () => {
  const key = generateEd25519();
  const start = newChain(chainIdOf(NO_SERVER, 'd-x', key.publicKey, sha256), key.publicKey);
  const next = generateEd25519();
  const sealed = appendEvent(start, { type: 'evidence.checkpoint', fields: { nextKey: next.publicKey } }, MOMENT, key.sign, deps);
  const late = appendEvent(sealed.state, { type: 'agent.stopped', fields: {} }, MOMENT, key.sign, deps);
  expect(verifyEvents(start, [sealed.encoded, late.encoded], crypto).fault).toMatchObject({ seq: 2, code: 'BELAY_E_SIGNATURE' });
});

test('a device may write neither what only the server writes nor fields that the catalogue lacks', () => {
  const key = generateEd25519();
  const start = newChain(chainIdOf(NO_SERVER, 'd-x', key.publicKey, sha256), key.publicKey);
  const forged: EventDraft[] = [
    { type: 'admin.login', fields: { by: 'root' } },
    { type: 'agent.stopped', fields: { by: 'root' } as Record<never, never> },
    { type: 'elevation.listed', fields: { request: 'one' as unknown as number, uid: 1 } },
    { type: 'evidence.checkpoint', fields: { nextKey: new Uint8Array(31) } },
  ];
  for (const draft of forged) {
    const written = appendEvent(start, draft, MOMENT, key.sign, deps);
    expect(verifyEvents(start, [written.encoded], crypto).fault).toMatchObject({ seq: 1, code: 'BELAY_E_CHAIN_BROKEN' });
  }
});

test('a redacted event stays valid, and a changed disclosure does not', () => {
  // Long enough that no salt or signature holds it by chance.
  const secret = Uint8Array.from({ length: 24 }, (_, at) => 0xff - at);
  const key = generateEd25519();
  const start = newChain(chainIdOf(NO_SERVER, 'd-x', key.publicKey, sha256), key.publicKey);
  const fields = {
    request: 1, door: 'sudo', uid: 1, user: 'a', runAsUid: 0, runAsGid: 0, rules: [], manifest: 1, command: new Uint8Array([47, 98]),
    argv: [secret], cwd: new Uint8Array([47]), terminal: 0, sessionId: 1, why: 'no-rule',
  };
  const written = appendEvent(start, { type: 'elevation.denied', fields }, MOMENT, key.sign, deps);
  const redacted = redactEvent(written.record, ['argv']);
  expect(verifyEvents(start, [encodeEvent(redacted)], crypto).fault).toBeUndefined();
  expect(Object.keys(visibleFields(redacted))).not.toContain('argv');
  expect(Buffer.from(encodeEvent(written.record)).includes(secret)).toBe(true);
  expect(Buffer.from(encodeEvent(redactEvent(written.record))).includes(secret)).toBe(false);
  const lied = { ...written.record, disclosures: written.record.disclosures.map(([name, salt, value]) => [name, salt, name === 'argv' ? [] : value] as const) };
  expect(decodeEvent(encodeEvent(lied), sha256)).toMatchObject({ ok: false, error: { code: 'BELAY_E_CHAIN_BROKEN' } });
});

test('verdicts that are missing count as no', () => {
  const { start, events } = chainOf(3);
  const followed = followChain(start, events, crypto);
  expect(signatureChecks(followed).length).toBe(3);
  expect(concludeChain(followed, [true]).fault).toMatchObject({ seq: 2, code: 'BELAY_E_SIGNATURE' });
});
