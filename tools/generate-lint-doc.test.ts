import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { lintDocument, lintFile } from './generate-lint-doc.mjs';

test('docs/policy-lint.md is what the codes and their examples say', () => {
  expect(readFileSync(lintFile, 'utf8')).toBe(lintDocument());
});
