import { describe, expect, test } from '@jest/globals';
import { bytesOfBase64, inertText, piecesOf, textOfBytes } from './inert.ts';

describe('text that somebody else wrote', () => {
  test('what cannot be seen is named, whatever it is', () => {
    expect(inertText('a\u202eb\u200bc\u001bd\ne\u00a0f')).toBe('a⟨RLO⟩b⟨ZWSP⟩c⟨ESC⟩d⟨⏎⟩e⟨NBSP⟩f');
    for (const code of [0x00, 0x1b, 0x7f, 0x85, 0xad, 0x34f, 0x61c, 0x180e, 0x2028, 0x2066, 0x2800, 0x3164, 0xfeff, 0xfff9, 0xe0041, 0xd800]) {
      expect([code.toString(16), piecesOf(String.fromCodePoint(code))[0]?.kind]).toEqual([code.toString(16), 'odd']);
    }
  });

  test('in a command what is not ASCII is marked; elsewhere it is somebody’s language', () => {
    expect(piecesOf('pаypal', true)).toEqual([{ kind: 'text', text: 'p' }, { kind: 'foreign', text: 'а', title: 'U+0430' }, { kind: 'text', text: 'ypal' }]);
    expect(piecesOf('größer 日本')).toEqual([{ kind: 'text', text: 'größer 日本' }]);
  });

  test('bytes that are no text are shown one by one, and cannot be taken for text that looks so', () => {
    expect(textOfBytes(new Uint8Array([0x61, 0xff, 0x5c]))).toEqual({ text: 'a\\xff\\\\', isText: false });
    expect(textOfBytes(bytesOfBase64('YcO2'))).toEqual({ text: 'aö', isText: true });
  });
});
