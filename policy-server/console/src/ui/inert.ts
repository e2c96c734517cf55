/**
 * SECURITY(T-29): text that devices and people wrote, cut into what can be read as it stands and what must be shown by its name: control
 * characters, what turns the writing direction, what has no width, what looks like a blank and is none.
 */
export type Piece = { readonly kind: 'text' | 'odd' | 'foreign'; readonly text: string; readonly title?: string };

const ODD = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\u00a0\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u202f\u205f\u2800\u3000\u3164\ufe00-\ufe0f\uffa0\ufffc\ufffd]/u;
const NAMES: Readonly<Record<string, string>> = {
  '\t': '⇥', '\n': '⏎', '\r': '␍', '\u001b': 'ESC', '\0': 'NUL', '\u0007': 'BEL', '\u0008': 'BS', '\u007f': 'DEL', '\u200b': 'ZWSP', '\u200d': 'ZWJ', '\u200e': 'LRM',
  '\u200f': 'RLM', '\u202a': 'LRE', '\u202b': 'RLE', '\u202c': 'PDF', '\u202d': 'LRO', '\u202e': 'RLO', '\u2066': 'LRI', '\u2067': 'RLI', '\u2068': 'FSI', '\u2069': 'PDI', '\u00a0': 'NBSP', '\ufeff': 'BOM',
};

const codeOf = (character: string): string => `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;

/** `strict`: what lies outside ASCII is marked too, as in a command a letter of another alphabet can pass for ours. */
export function piecesOf(text: string, strict = false): readonly Piece[] {
  const pieces: { kind: Piece['kind']; text: string; title?: string }[] = [];
  for (const character of text) {
    const kind = ODD.test(character) ? 'odd' : strict && character > '\u007e' ? 'foreign' : 'text';
    const last = pieces.at(-1);
    if (kind === 'odd') pieces.push({ kind, text: NAMES[character] ?? codeOf(character), title: codeOf(character) });
    else if (kind === 'foreign') pieces.push({ kind, text: character, title: codeOf(character) });
    else if (last?.kind === 'text') last.text += character;
    else pieces.push({ kind, text: character });
  }
  return pieces;
}

/** The same as one line of plain text, for titles and notifications. */
export function inertText(text: string): string {
  return piecesOf(text).map(({ kind, text: shown }) => (kind === 'odd' ? `⟨${shown}⟩` : shown)).join('');
}

/** The bytes of an argument: as text where they are valid UTF-8, else with every other byte as \xNN. */
export function textOfBytes(bytes: Uint8Array): { readonly text: string; readonly isText: boolean } {
  try {
    return { text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes), isText: true };
  } catch {
    const text = Array.from(bytes, (byte) => (byte >= 0x20 && byte < 0x7f && byte !== 0x5c ? String.fromCharCode(byte) : byte === 0x5c ? '\\\\' : `\\x${byte.toString(16).padStart(2, '0')}`)).join('');
    return { text, isText: false };
  }
}

export function bytesOfBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** A value of JSON as a person reads it. */
export function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}
