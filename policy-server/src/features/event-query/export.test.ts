import { expect, test } from '@jest/globals';
import { csvCell } from './export.ts';

test('no cell of a CSV is taken for a formula, whatever was typed', () => {
  for (const start of ['=', '+', '-', '@', '|', '%', '\t=', '\r=', '\n=', ' =', '\u3000=']) {
    expect(csvCell(`${start}cmd|' /C calc'!A1`)).toMatch(/^"?'/);
  }
});

test('a cell is one cell: quotes, commas and line ends stay inside it', () => {
  expect(csvCell('plain')).toBe('plain');
  expect(csvCell('two words')).toBe('"two words"');
  expect(csvCell('a,"b"\r\n=c\u001b[31m')).toBe('"a,""b""  =c [31m"');
  expect(csvCell(null)).toBe('');
  expect(csvCell(-5)).toBe('-5');
});
