import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { hasSpareProcessor, parseRunning } from './load.ts';

test.each([
  ['0.00 0.01 0.05 1/123 4567\n', 2, true],
  ['0.00 0.01 0.05 2/123 4567\n', 2, true],
  ['9.00 9.01 9.05 2/123 4567\n', 2, true],
  ['0.00 0.01 0.05 3/123 4567\n', 2, false],
  ['0.00 0.01 0.05 2/123 4567\n', 1, false],
  ['', 64, false],
  ['nothing of the kind', 64, false],
])('%j with %d processors: %s', (loadavg, processors, spare) => {
  expect(hasSpareProcessor(loadavg, processors)).toBe(spare);
});

test('this kernel tells it, and whoever reads it runs', () => {
  expect(parseRunning(readFileSync('/proc/loadavg', 'latin1'))).toBeGreaterThanOrEqual(1);
  expect(hasSpareProcessor(undefined, 1_000_000)).toBe(true);
});
