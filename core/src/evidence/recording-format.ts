import type { Sha256 } from '../crypto.ts';
import { type CborValue, decodeCanonical, encodeCanonical } from './cbor.ts';

/** docs/recording-format.md. The sudo plugin writes the same in C (agent/native/sudo-plugin/recording.c). */
export const RECORDED_KINDS = {
  header: 0,
  ttyIn: 1,
  ttyOut: 2,
  stdin: 3,
  stdout: 4,
  stderr: 5,
  window: 6,
  suspend: 7,
  hidden: 8,
  cut: 9,
  seal: 10,
  end: 11,
} as const;
export type RecordedKind = keyof typeof RECORDED_KINDS;
const KIND_NAMES = new Map<number, RecordedKind>(Object.entries(RECORDED_KINDS).map(([name, number]) => [number, name as RecordedKind]));

/** Of one frame after its length; the writer's pieces are at most 64 KiB. */
export const MAX_FRAME_BYTES = 128 * 1024;
/** Between two seals; the writer seals after 16 KiB. */
export const MAX_BLOCK_BYTES = 256 * 1024;
export const LENGTH_BYTES = 4;
export const HASH_BYTES = 32;
const VERSION = 1;

/** Why a recording is not whole: its size limit was reached, or it could not be written any more. */
export const RECORDING_CUTS = ['limit', 'unwritable'] as const;
export type RecordingCut = (typeof RECORDING_CUTS)[number];

/** What a recording is of. Bytes are as in the event `elevation.intent`. */
export type RecordingHeader = {
  readonly request: number;
  readonly device: string;
  /** Of the journal that the request is in. */
  readonly chain: Uint8Array;
  /** Unix time, ms. */
  readonly startedAt: number;
  readonly uid: number;
  readonly user: string | null;
  readonly runAsUid: number;
  readonly rules: readonly string[];
  readonly command: Uint8Array;
  readonly argv: readonly Uint8Array[];
};

/** Where the chain of a recording begins. */
export function recordingRoot(sha256: Sha256): Uint8Array {
  return sha256(new TextEncoder().encode('belay/recording/v1'));
}

export function blockHash(sealed: Uint8Array, parts: readonly Uint8Array[], sha256: Sha256): Uint8Array {
  return sha256(joined([sealed, ...parts]));
}

/** The first bytes of a recording, and their seal, which whoever goes on begins with. */
export function beginRecording(header: RecordingHeader, sha256: Sha256): { readonly bytes: Uint8Array; readonly sealed: Uint8Array } {
  const first = encodeFrame('header', 0, encodeCanonical({ version: VERSION, ...header } as unknown as CborValue));
  const sealed = blockHash(recordingRoot(sha256), [first], sha256);
  return { bytes: joined([first, encodeFrame('seal', 0, sealed)]), sealed };
}

/** `elapsedUs`: since the frame before. */
export function encodeFrame(kind: RecordedKind, elapsedUs: number, bytes: Uint8Array): Uint8Array {
  const time: number[] = [];
  let left = elapsedUs;
  for (; left >= 0x80; left = Math.floor(left / 0x80)) time.push((left % 0x80) | 0x80);
  time.push(left);
  const frame = new Uint8Array(LENGTH_BYTES + 1 + time.length + bytes.length);
  new DataView(frame.buffer).setUint32(0, frame.length - LENGTH_BYTES);
  frame[LENGTH_BYTES] = RECORDED_KINDS[kind];
  frame.set(time, LENGTH_BYTES + 1);
  frame.set(bytes, LENGTH_BYTES + 1 + time.length);
  return frame;
}

export type DecodedFrame = { readonly kind: RecordedKind | undefined; readonly elapsedUs: number; readonly bytes: Uint8Array };

/** A frame's body, after its length. Undefined: it is none. `kind` undefined: of a kind that is not known here. */
export function decodeFrame(body: Uint8Array): DecodedFrame | undefined {
  let elapsedUs = 0;
  for (let at = 1, unit = 1; at < body.length && elapsedUs <= Number.MAX_SAFE_INTEGER; at++, unit *= 0x80) {
    const byte = body[at] as number;
    elapsedUs += (byte % 0x80) * unit;
    if (byte < 0x80 && Number.isSafeInteger(elapsedUs)) return { kind: KIND_NAMES.get(body[0] as number), elapsedUs, bytes: body.subarray(at + 1) };
  }
  return undefined;
}

export function decodeHeader(bytes: Uint8Array): RecordingHeader | undefined {
  const decoded = decodeCanonical(bytes);
  if (!decoded.ok || typeof decoded.value !== 'object' || decoded.value === null) return undefined;
  const value = decoded.value as Readonly<Record<string, unknown>>;
  return value['version'] === VERSION && isHeader(value) ? value : undefined;
}

function isHeader(value: Readonly<Record<string, unknown>>): value is RecordingHeader & Readonly<Record<string, unknown>> {
  const { request, device, chain, startedAt, uid, user, runAsUid, rules, command, argv } = value;
  const numbers = [request, startedAt, uid, runAsUid].every((each) => Number.isSafeInteger(each));
  const texts = typeof device === 'string' && (user === null || typeof user === 'string');
  const lists = Array.isArray(rules) && rules.every((each) => typeof each === 'string') && Array.isArray(argv) && argv.every(ArrayBuffer.isView);
  return numbers && texts && lists && ArrayBuffer.isView(chain) && ArrayBuffer.isView(command);
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
