import { encode, rfc8949EncodeOptions } from 'cborg';
import { concatBytes, encodeUtf8, isAscii } from '../bytes.ts';
import type { CborValue } from './cbor-read.ts';

/** Major types of RFC 8949, 3.1, in the first byte's upper three bits. */
const UNSIGNED = 0x00;
const NEGATIVE = 0x20;
const BYTES = 0x40;
const TEXT = 0x60;
const ARRAY = 0x80;
const MAP = 0xa0;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;
const HEAD = 9;

let buffer = new Uint8Array(64 * 1024);
let view = new DataView(buffer.buffer);
let at = 0;

/**
 * Deterministic CBOR (RFC 8949, 4.2.1): shortest heads, definite lengths, map keys in bytewise order of their encoding. Written
 * straight into one buffer: every event is encoded some ten times on the path of an elevation. What is none of these types,
 * cborg writes or refuses.
 */
export function writeCanonical(value: CborValue): Uint8Array {
  return written(NOTHING, value) ? buffer.slice(0, at) : encode(value, rfc8949EncodeOptions);
}

/** `use` is given `prefix` and what `writeCanonical` would give, as one; they are its own for as long as it runs, and it must write nothing. */
export function withCanonical<T>(prefix: Uint8Array, value: CborValue, use: (bytes: Uint8Array) => T): T {
  return use(written(prefix, value) ? buffer.subarray(0, at) : concatBytes(prefix, encode(value, rfc8949EncodeOptions)));
}

const NOTHING = new Uint8Array(0);

/** Into the buffer, up to `at`. False: it is for cborg. */
function written(prefix: Uint8Array, value: CborValue): boolean {
  at = 0;
  try {
    reserve(prefix.length);
    buffer.set(prefix);
    at = prefix.length;
    write(value);
    return true;
  } catch (error) {
    if (error === UNUSUAL) return false;
    throw error;
  }
}

const UNUSUAL = new Error('left to cborg');

function write(value: CborValue | undefined): void {
  if (typeof value === 'string') writeText(value);
  else if (typeof value === 'number') writeNumber(value);
  else if (value === null || typeof value === 'boolean') writeSimple(value);
  else if (value instanceof Uint8Array) writeBytes(value);
  else if (Array.isArray(value)) writeArray(value);
  else if (value !== undefined && Object.getPrototypeOf(value) === Object.prototype) writeMap(value as { readonly [key: string]: CborValue });
  else throw UNUSUAL;
}

function reserve(bytes: number): void {
  if (at + bytes <= buffer.length) return;
  const larger = new Uint8Array(Math.max(2 * buffer.length, at + bytes));
  larger.set(buffer.subarray(0, at));
  buffer = larger;
  view = new DataView(buffer.buffer);
}

function writeHead(major: number, count: number): void {
  reserve(HEAD);
  if (count < 24) buffer[at++] = major | count;
  else if (count < 0x100) {
    buffer[at++] = major | 24;
    buffer[at++] = count;
  } else if (count < 0x1_0000) {
    buffer[at] = major | 25;
    view.setUint16(at + 1, count);
    at += 3;
  } else if (count < 0x1_0000_0000) {
    buffer[at] = major | 26;
    view.setUint32(at + 1, count);
    at += 5;
  } else {
    buffer[at] = major | 27;
    view.setUint32(at + 1, Math.floor(count / 0x1_0000_0000));
    view.setUint32(at + 5, count % 0x1_0000_0000);
    at += 9;
  }
}

function writeNumber(value: number): void {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) throw UNUSUAL;
  if (value >= 0) writeHead(UNSIGNED, value);
  else writeHead(NEGATIVE, -1 - value);
}

function writeSimple(value: null | boolean): void {
  reserve(1);
  buffer[at++] = value === null ? NULL : value ? TRUE : FALSE;
}

/** A ByteString is what UTF-8 comes as here: one char a byte. A lone surrogate has no UTF-8. */
function writeText(value: string): void {
  if (!value.isWellFormed()) throw UNUSUAL;
  const utf8 = encodeUtf8(value);
  writeHead(TEXT, utf8.length);
  reserve(utf8.length);
  for (let i = 0; i < utf8.length; i++) buffer[at + i] = utf8.charCodeAt(i);
  at += utf8.length;
}

function writeBytes(value: Uint8Array): void {
  writeHead(BYTES, value.length);
  reserve(value.length);
  buffer.set(value, at);
  at += value.length;
}

function writeArray(value: readonly CborValue[]): void {
  writeHead(ARRAY, value.length);
  for (const item of value) write(item);
}

/** Keys of less than 24 bytes sort by length, then by bytes; longer heads sort after them, and alike. */
function compareKeys(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

function writeMap(value: { readonly [key: string]: CborValue }): void {
  const keys = Object.keys(value);
  const ascii = keys.every(isAscii);
  keys.sort(ascii ? compareKeys : (a, b) => compareKeys(encodeUtf8(a), encodeUtf8(b)));
  writeHead(MAP, keys.length);
  for (const key of keys) {
    writeText(key);
    write(value[key]);
  }
}
