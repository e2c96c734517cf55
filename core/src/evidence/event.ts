import * as z from 'zod';
import { concatBytes, equalBytes } from '../bytes.ts';
import { type Failure, failure } from '../codes.ts';
import type { Ed25519Sign, RandomBytes, Sha256 } from '../crypto.ts';
import { err, ok, type Result } from '../result.ts';
import { type CborValue, decodeCanonical, encodeCanonical, hashCanonical } from './cbor.ts';
import { EVENT_TYPES, type EventDraft, type EventSpec } from './event-types.ts';
import { utf8 } from './identity.ts';

/** What is signed of an event. Times are ms: `time` by the writer's wall clock, `boot` by CLOCK_BOOTTIME. */
export type EventPayload = {
  readonly v: 1;
  readonly chain: Uint8Array;
  readonly seq: number;
  readonly prev: Uint8Array;
  /** Index of the evidence key that signs: 0 genesis, one more after each checkpoint. */
  readonly key: number;
  readonly time: number;
  readonly boot: number;
  readonly bootId: string;
  readonly type: string;
  readonly fields: { readonly [name: string]: CborValue };
  /** name → commitment (32 bytes). */
  readonly hidden: { readonly [name: string]: Uint8Array };
};

export type Disclosure = readonly [name: string, salt: Uint8Array, value: CborValue];

/** One event as stored and sent. `encoded` is canonical CBOR of { p, s, d }. */
export type EventRecord = {
  readonly payload: EventPayload;
  readonly payloadBytes: Uint8Array;
  readonly signature: Uint8Array;
  /** May lack any: redacted. */
  readonly disclosures: readonly Disclosure[];
};

export const MAX_EVENT_BYTES = 5 * 1024 * 1024;

const MAX_NAME = 64;
const MAX_DISCLOSURES = 64;
const SALT_BYTES = 16;
const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;

const isBytes = (value: unknown, length: number): value is Uint8Array => ArrayBuffer.isView(value) && value.byteLength === length;
const isName = (value: unknown): value is string => typeof value === 'string' && value.length <= MAX_NAME;
/** A server reads thousands of events a second: what they hold many of is looked at by loops. */
const mapOf = <T>(fits: (value: unknown) => value is T) => z.custom<{ readonly [name: string]: T }>((value) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || ArrayBuffer.isView(value)) return false;
  return Object.keys(value).every((name) => isName(name) && fits((value as Record<string, unknown>)[name]));
});
const isValue = (value: unknown): value is CborValue => value !== undefined;
const isDisclosure = (value: unknown): value is Disclosure => Array.isArray(value) && value.length === 3 && isName(value[0]) && isBytes(value[1], SALT_BYTES) && isValue(value[2]);
const bytesOfLength = (length: number) => z.custom<Uint8Array>((value) => isBytes(value, length));
const anyBytes = z.custom<Uint8Array>((value) => ArrayBuffer.isView(value));
const count = z.number().int().nonnegative();
const payloadShape = z.strictObject({
  v: z.literal(1),
  chain: bytesOfLength(HASH_BYTES),
  seq: count.min(1),
  prev: bytesOfLength(HASH_BYTES),
  key: count,
  time: count,
  boot: count,
  bootId: z.string().max(64),
  type: z.string().max(MAX_NAME),
  fields: mapOf(isValue),
  hidden: mapOf((value): value is Uint8Array => isBytes(value, HASH_BYTES)),
});
const recordShape = z.strictObject({
  p: anyBytes,
  s: bytesOfLength(SIGNATURE_BYTES),
  d: z.custom<readonly Disclosure[]>((value) => Array.isArray(value) && value.length <= MAX_DISCLOSURES && value.every(isDisclosure)),
});

const scratch = new Uint8Array(4096);

export function eventHash(payloadBytes: Uint8Array, sha256: Sha256): Uint8Array {
  const length = EVENT_DOMAIN.length + payloadBytes.length;
  if (length > scratch.length) return sha256(concatBytes(EVENT_DOMAIN, payloadBytes));
  scratch.set(EVENT_DOMAIN);
  scratch.set(payloadBytes, EVENT_DOMAIN.length);
  return sha256(scratch.subarray(0, length));
}

export function eventSignedBytes(payloadBytes: Uint8Array): Uint8Array {
  return concatBytes(SIGNATURE_DOMAIN, payloadBytes);
}

const EVENT_DOMAIN = utf8('belay/event/v1');
const SIGNATURE_DOMAIN = utf8('belay/event-sig/v1');
const COMMIT_DOMAIN = utf8('belay/commit/v1');

function commitment([name, salt, value]: Disclosure, sha256: Sha256): Uint8Array {
  return hashCanonical(COMMIT_DOMAIN, [salt, name, value], sha256);
}

/** Where and when an event is written. */
export type EventPlace = Pick<EventPayload, 'chain' | 'seq' | 'prev' | 'key' | 'time' | 'boot' | 'bootId'>;

/** An event as stored and sent, but for its signature. */
export type UnsignedEvent = Omit<EventRecord, 'signature'>;

/** Splits a draft's fields into plain ones and salted commitments. Numbers become whole: CBOR's here have no fractions. */
export function placeEvent(draft: EventDraft, at: EventPlace, deps: { sha256: Sha256; random: RandomBytes }): UnsignedEvent {
  const spec: EventSpec = EVENT_TYPES[draft.type];
  const fields: Record<string, CborValue> = {};
  const hidden: Record<string, Uint8Array> = {};
  const disclosures: Disclosure[] = [];
  for (const [name, given] of Object.entries(draft.fields as Readonly<Record<string, CborValue | undefined>>)) {
    if (given === undefined) continue;
    const value = typeof given === 'number' ? Math.round(given) : given;
    if (spec.fields[name]?.hidden !== true) {
      fields[name] = value;
      continue;
    }
    const disclosure: Disclosure = [name, deps.random(SALT_BYTES), value];
    hidden[name] = commitment(disclosure, deps.sha256);
    disclosures.push(disclosure);
  }
  const place = { ...at, time: Math.round(at.time), boot: Math.round(at.boot) };
  const payload: EventPayload = { v: 1, ...place, type: draft.type, fields, hidden };
  return { payload, payloadBytes: encodeCanonical(payload as unknown as CborValue), disclosures };
}

export function encodeEvent(record: EventRecord): Uint8Array {
  return encodeCanonical({ p: record.payloadBytes, s: record.signature, d: record.disclosures });
}

/** As `encodeEvent`, with zeros where the signature goes: at the very end, since "s" is the last of the keys. */
export function encodeUnsigned(event: UnsignedEvent): Uint8Array {
  return encodeEvent({ ...event, signature: new Uint8Array(SIGNATURE_BYTES) });
}

/** What `encodeUnsigned` gave, signed in its place. */
export function signEncoded(encoded: Uint8Array, { payloadBytes }: UnsignedEvent, sign: Ed25519Sign): Uint8Array {
  const signature = sign(eventSignedBytes(payloadBytes));
  encoded.set(signature, encoded.length - SIGNATURE_BYTES);
  return signature;
}

/**
 * Reads one event. Holds the disclosures against their commitments; the chain and the signature are the chain verifier's.
 * Errors: BELAY_E_MALFORMED, BELAY_E_TOO_LARGE, BELAY_E_CHAIN_BROKEN (a disclosed field is not what was committed to).
 */
export function decodeEvent(bytes: Uint8Array, sha256: Sha256): Result<EventRecord, Failure> {
  if (bytes.length > MAX_EVENT_BYTES) return err(failure('BELAY_E_TOO_LARGE'));
  const outer = parse(bytes, recordShape);
  if (!outer.ok) return outer;
  const payload = parse(outer.value.p, payloadShape);
  if (!payload.ok) return payload;
  const disclosures = outer.value.d;
  const seen = new Set<string>();
  for (const disclosure of disclosures) {
    const committed = payload.value.hidden[disclosure[0]];
    if (committed === undefined || seen.has(disclosure[0]) || !equalBytes(commitment(disclosure, sha256), committed)) {
      return err(failure('BELAY_E_CHAIN_BROKEN', `The field "${disclosure[0].replace(/[^ -~]/g, '?')}" is not what was committed to.`));
    }
    seen.add(disclosure[0]);
  }
  return ok({ payload: payload.value, payloadBytes: outer.value.p, signature: outer.value.s, disclosures });
}

function parse<T>(bytes: Uint8Array, shape: { safeParse(value: unknown): { success: true; data: T } | { success: false } }): Result<T, Failure> {
  const decoded = decodeCanonical(bytes);
  if (!decoded.ok) return decoded;
  const parsed = shape.safeParse(decoded.value);
  return parsed.success ? ok(parsed.data) : err(failure('BELAY_E_MALFORMED'));
}

/** Takes disclosed values out (all, or those named); the chain stays valid. */
export function redactEvent(record: EventRecord, names?: readonly string[]): EventRecord {
  return { ...record, disclosures: names === undefined ? [] : record.disclosures.filter(([name]) => !names.includes(name)) };
}

/** The fields a reader may see: plain ones, and hidden ones that are still disclosed. */
export function visibleFields(record: EventRecord): { readonly [name: string]: CborValue } {
  return { ...record.payload.fields, ...Object.fromEntries(record.disclosures.map(([name, , value]) => [name, value])) };
}
