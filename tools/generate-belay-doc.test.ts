import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { belayDocument, belayFile } from './generate-belay-doc.mjs';

test('docs/belay.md is what the commands say', () => {
  expect(readFileSync(belayFile, 'utf8')).toBe(belayDocument());
});
