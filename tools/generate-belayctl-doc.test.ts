import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { belayctlDocument, belayctlFile } from './generate-belayctl-doc.mjs';

test('docs/belayctl.md is what the commands say', () => {
  expect(readFileSync(belayctlFile, 'utf8')).toBe(belayctlDocument());
});
