/** Base64 (RFC 4648, sections 4 and 5). Buffer is Node's and `btoa` is text's: core has neither. */
const STANDARD = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const URL_SAFE = `${STANDARD.slice(0, 62)}-_`;

export function base64Of(bytes: Uint8Array): string {
  const text = encode(bytes, STANDARD);
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

/** Undefined unless it is canonical: padded, no stray bits. */
export function bytesOfBase64(text: string): Uint8Array | undefined {
  const bytes = decode(text.replace(/={1,2}$/, ''), STANDARD);
  return bytes !== undefined && base64Of(bytes) === text ? bytes : undefined;
}

/** Without padding. */
export function base64UrlOf(bytes: Uint8Array): string {
  return encode(bytes, URL_SAFE);
}

export function bytesOfBase64Url(text: string): Uint8Array | undefined {
  const bytes = decode(text, URL_SAFE);
  return bytes !== undefined && base64UrlOf(bytes) === text ? bytes : undefined;
}

function encode(bytes: Uint8Array, alphabet: string): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 3) {
    const group = ((bytes[at] as number) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const digits = Math.min(4, bytes.length - at + 1);
    for (let i = 0; i < digits; i++) parts.push(alphabet.charAt((group >> (18 - 6 * i)) & 63));
  }
  return parts.join('');
}

function decode(text: string, alphabet: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let [length, held, bits] = [0, 0, 0];
  for (let i = 0; i < text.length; i++) {
    const value = alphabet.indexOf(text.charAt(i));
    if (value < 0) return undefined;
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[length++] = (held >> bits) & 255;
  }
  return bytes.subarray(0, length);
}
