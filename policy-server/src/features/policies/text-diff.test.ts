import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { textDiff } from './text-diff.ts';

test('a diff shows changes with three lines around them', () => {
  const lines = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => `line ${from + at}`);
  const before = `${lines(1, 20).join('\n')}\n`;
  const after = before.replace('line 3\n', 'line three\n').replace('line 18\n', '');
  expect(textDiff(before, after)).toBe([
    '@@ -1 +1 @@', ' line 1', ' line 2', '-line 3', '+line three', ' line 4', ' line 5', ' line 6',
    '@@ -15 +15 @@', ' line 15', ' line 16', ' line 17', '-line 18', ' line 19', ' line 20', '',
  ].join('\n'));
  expect(textDiff(before, before)).toBe('');
  expect(textDiff('', 'a\n')).toBe('@@ -1 +1 @@\n+a\n');
});

test('the old text is the lines kept and removed, the new one those kept and added', () => {
  const text = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 7 });
  fc.assert(fc.property(text, text, (before, after) => {
    // Few lines: all of them are within three of a change, so the diff holds both texts.
    const close = before.length + after.length < 6 && before.join() !== after.join();
    fc.pre(close && before.length > 0 && after.length > 0);
    const lines = textDiff(`${before.join('\n')}\n`, `${after.join('\n')}\n`).split('\n').slice(0, -1).filter((line) => !line.startsWith('@@'));
    expect(lines.filter((line) => !line.startsWith('+')).map((line) => line.slice(1))).toEqual(before);
    expect(lines.filter((line) => !line.startsWith('-')).map((line) => line.slice(1))).toEqual(after);
  }));
});
