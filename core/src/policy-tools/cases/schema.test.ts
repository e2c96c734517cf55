import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { policyTestJsonSchema } from './schema.ts';

// To write it anew: BELAY_WRITE_SCHEMA=1 and this test.
const file = join(dirname(fileURLToPath(import.meta.url)), '../../../schema/policy-test.schema.json');

test('the committed JSON Schema of case files is the one that the schema gives', () => {
  const fresh = `${JSON.stringify(policyTestJsonSchema(), undefined, 2)}\n`;
  if (process.env['BELAY_WRITE_SCHEMA'] === '1') writeFileSync(file, fresh);
  expect(readFileSync(file, 'utf8')).toBe(fresh);
});
