import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { ERROR_CODES } from '@belay/core/codes';
import { errorsDocument, errorsFile, remedies } from './generate-errors-doc.mjs';

test('docs/errors.md is what the codes say', () => {
  expect(readFileSync(errorsFile, 'utf8')).toBe(errorsDocument());
});

test('every code says what to do about it, and nothing else does', () => {
  expect(Object.keys(remedies).toSorted()).toEqual(Object.keys(ERROR_CODES).toSorted());
});
