/**
 * A reader of deterministic CBOR (RFC 8949, 4.2) that knows nothing else: shortest lengths, keys that are text, in order
 * and once each, no tags, floats or indefinite lengths. It is a reader of its own because whatever else a general one
 * accepts would have to be found and refused afterwards, by encoding it all again.
 */
export type CborValue = null | boolean | number | string | Uint8Array | readonly CborValue[] | { readonly [key: string]: CborValue };

/** Deeper is refused: nothing signed needs more, and the stack stays bounded. */
const MAX_DEPTH = 64;

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** Below this, taking characters one by one beats the decoder. */
const SHORT_TEXT = 24;

export class NotCanonical extends Error {}

/** Throws NotCanonical. Byte strings are views of `bytes`. */
export function readCanonical(bytes: Uint8Array): CborValue {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.at !== bytes.length) throw new NotCanonical('something stands after the value');
  return value;
}

class Reader {
  at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  value(depth: number): CborValue {
    if (depth > MAX_DEPTH) throw new NotCanonical('too deep');
    const initial = this.#byte();
    const major = initial >> 5;
    const info = initial & 31;
    switch (major) {
      case 0:
        return this.#number(info);
      case 1:
        return this.#negative(info);
      case 2:
        return this.#take(this.#number(info));
      case 3:
        return this.#text(this.#number(info));
      case 4:
        return this.#array(this.#length(info), depth + 1);
      case 5:
        return this.#map(this.#length(info), depth + 1);
      default:
        return simple(initial);
    }
  }

  #byte(): number {
    const byte = this.#bytes[this.at];
    if (byte === undefined) throw new NotCanonical('cut short');
    this.at += 1;
    return byte;
  }

  /** The number in a head, in its shortest form. */
  #number(info: number): number {
    if (info < 24) return info;
    const size = info < 28 ? 1 << (info - 24) : 0;
    if (size === 0) throw new NotCanonical('an indefinite or unknown length');
    let value = 0;
    for (let i = 0; i < size; i++) value = value * 256 + this.#byte();
    const least = size === 1 ? 24 : 256 ** (size / 2);
    if (value < least || !Number.isSafeInteger(value)) throw new NotCanonical('a number that is too long or too large');
    return value;
  }

  #negative(info: number): number {
    const value = -1 - this.#number(info);
    if (!Number.isSafeInteger(value)) throw new NotCanonical('a number that is too large');
    return value;
  }

  /** Of an array or map: each element takes a byte at least, so a promise of more than there is fails at once. */
  #length(info: number): number {
    const length = this.#number(info);
    if (length > this.#bytes.length - this.at) throw new NotCanonical('cut short');
    return length;
  }

  #take(length: number): Uint8Array {
    const end = this.at + length;
    if (end > this.#bytes.length) throw new NotCanonical('cut short');
    const taken = this.#bytes.subarray(this.at, end);
    this.at = end;
    return taken;
  }

  #text(length: number): string {
    const start = this.at;
    if (length > SHORT_TEXT) return decodeText(this.#take(length));
    let text = '';
    for (let i = 0; i < length; i++) {
      const byte = this.#byte();
      if (byte > 127) {
        this.at = start;
        return decodeText(this.#take(length));
      }
      text += String.fromCharCode(byte);
    }
    return text;
  }

  #array(length: number, depth: number): readonly CborValue[] {
    const values: CborValue[] = [];
    for (let i = 0; i < length; i++) values.push(this.value(depth));
    return values;
  }

  #map(length: number, depth: number): { readonly [key: string]: CborValue } {
    const map: Record<string, CborValue> = {};
    let [from, to] = [0, 0];
    for (let i = 0; i < length; i++) {
      const start = this.at;
      if ((this.#bytes[start] ?? 0) >> 5 !== 3) throw new NotCanonical('a key that is no text');
      const key = this.value(depth) as string;
      if (i > 0 && !this.#isBefore(from, to, start, this.at)) throw new NotCanonical('keys out of order, or one twice');
      [from, to] = [start, this.at];
      // It would set the prototype of whatever the map is copied to.
      if (key === '__proto__') throw new NotCanonical('a key that is not accepted');
      map[key] = this.value(depth);
    }
    return map;
  }

  /** Keys stand in the order of their encoded bytes. */
  #isBefore(from: number, to: number, nextFrom: number, nextTo: number): boolean {
    const length = Math.min(to - from, nextTo - nextFrom);
    for (let i = 0; i < length; i++) {
      const difference = (this.#bytes[from + i] as number) - (this.#bytes[nextFrom + i] as number);
      if (difference !== 0) return difference < 0;
    }
    return to - from < nextTo - nextFrom;
  }
}

function simple(initial: number): null | boolean {
  if (initial === 0xf4) return false;
  if (initial === 0xf5) return true;
  if (initial === 0xf6) return null;
  throw new NotCanonical('a tag, a fraction or a simple value that is not accepted');
}

function decodeText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new NotCanonical('text that is not UTF-8');
  }
}
