import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { createServerKeys } from './create.ts';
import { dataFolder } from './data-folder.ts';
import { loadServerKeys } from './role-keys.ts';

const folder = mkdtempSync(join(tmpdir(), 'belay-role-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('when they end is told before and after, though nothing is signed any more then', async () => {
  const data = dataFolder(folder);
  await createServerKeys(data, 'only for this test');
  let now = Date.now();
  const keys = loadServerKeys(data, () => now);
  const { signsUntil } = keys;
  const tell = () => keys.seal('time', { server: keys.serverId, device: 'd-1', nonce: new Uint8Array(16), time: now });
  now = signsUntil;
  expect(tell().length).toBeGreaterThan(0);
  now = signsUntil + 1;
  expect(tell).toThrow(/no living \w+ key/);
  expect(keys.signsUntil).toBe(signsUntil);
  expect(() => keys.reload()).toThrow(/no living/);
});
