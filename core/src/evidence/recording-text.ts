/** Whole control sequences (ECMA-48): CSI, the strings that a terminator ends, and the short ones. */
// eslint-disable-next-line no-control-regex
const ESCAPED = { csi: /^\x1b\[[\x20-\x3f]*[\x40-\x7e]/, string: /^\x1b[P\]X^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)/, short: /^\x1b[\x20-\x2f]*[\x30-\x5a\x5c\x60-\x7e]/ } as const;
// eslint-disable-next-line no-control-regex
const ENDS_AT_ONCE = /^\x1b[^[\]PX^_\x20-\x7e]/;
/** More than any sequence needs; an unended one is text from here on. */
const LONGEST_SEQUENCE = 4096;

/** Turns what a terminal was sent into text that does nothing to a terminal, piece by piece. */
export interface InertText {
  push(bytes: Uint8Array): string;
  end(): string;
}

/** SECURITY(T-29): line feeds and tabs stay; every other control, and whole control sequences with what is in them, are left out. */
export function createInertText(): InertText {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let held = '';
  const settle = (text: string, isLast: boolean): string => {
    let out = '';
    let rest = held + text;
    held = '';
    for (let at = rest.indexOf('\x1b'); at >= 0; at = rest.indexOf('\x1b')) {
      out += rest.slice(0, at);
      rest = rest.slice(at);
      const sequence = ESCAPED.csi.exec(rest) ?? ESCAPED.string.exec(rest) ?? ESCAPED.short.exec(rest);
      if (sequence === null && !isLast && rest.length < LONGEST_SEQUENCE && !ENDS_AT_ONCE.test(rest)) {
        held = rest;
        return plain(out);
      }
      rest = rest.slice(sequence?.[0].length ?? 1);
    }
    return plain(out + rest);
  };
  return { push: (bytes) => settle(decoder.decode(bytes, { stream: true }), false), end: () => settle(decoder.decode(), true) };
}

function plain(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => (character === '\n' || character === '\t' ? character : ''));
}
