/**
 * Paths, arguments and environment are bytes end to end (design.md, principle 9). In memory they are a `ByteString`: a
 * JavaScript string whose every char code is one byte, 0..255. It compares, hashes and indexes at string speed and holds
 * any byte sequence, valid UTF-8 or not. It is never shown to a person as it is: see `decodeUtf8`.
 */
declare const byteStringBrand: unique symbol;
export type ByteString = string & { readonly [byteStringBrand]: true };

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
/** String.fromCharCode takes its arguments on the stack: stay well below any engine's limit. */
const CHUNK = 8192;

export function byteStringOf(bytes: Uint8Array): ByteString {
  if (bytes.length <= CHUNK) return String.fromCharCode.apply(null, bytes as unknown as number[]) as ByteString;
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK) {
    parts.push(String.fromCharCode.apply(null, bytes.subarray(at, at + CHUNK) as unknown as number[]));
  }
  return parts.join('') as ByteString;
}

export function bytesOf(text: ByteString): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The UTF-8 bytes of ordinary text, for instance of a path written in a policy. */
export function encodeUtf8(text: string): ByteString {
  return isAscii(text) ? (text as ByteString) : byteStringOf(utf8Encoder.encode(text));
}

/** The text these bytes spell, or undefined when they are not valid UTF-8. */
export function decodeUtf8(bytes: ByteString): string | undefined {
  if (isAscii(bytes)) return bytes;
  try {
    return utf8Decoder.decode(bytesOf(bytes));
  } catch {
    return undefined;
  }
}

export function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}

const hexDigits = '0123456789abcdef';

export function toHex(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += hexDigits.charAt(byte >> 4) + hexDigits.charAt(byte & 15);
  return text;
}

/** Undefined unless `text` is an even number of hexadecimal digits. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
