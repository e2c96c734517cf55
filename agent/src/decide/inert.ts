import { type ByteString, decodeUtf8 } from '@belay/core/bytes';

/** Controls, and what turns or hides text around it: bidirectional marks, zero-width characters, separators. */
// eslint-disable-next-line no-control-regex
const ACTIVE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const LONGEST = 1000;

/** SECURITY(T-29): text that does nothing to a terminal, a log or a page. */
export function inert(text: string, longest: number = LONGEST): string {
  const short = text.length > longest ? `${text.slice(0, longest)}…` : text;
  return short.replace(ACTIVE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Bytes as a person may see them; what is no UTF-8 is shown byte by byte. */
export function inertBytes(bytes: ByteString, longest: number = LONGEST): string {
  const text = decodeUtf8(bytes);
  // eslint-disable-next-line no-control-regex
  return inert(text ?? bytes.replace(/[^\x20-\x7e]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`), longest);
}
