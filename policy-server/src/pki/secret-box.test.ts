import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { dataFolder } from './data-folder.ts';
import { createSecretBox, loadSecretBox } from './secret-box.ts';

const text = (bytes: Uint8Array | undefined) => (bytes === undefined ? undefined : Buffer.from(bytes).toString());

test('what is sealed opens for its purpose and with its key only, and not when a bit was changed', () => {
  const box = createSecretBox(new Uint8Array(32).fill(1));
  const sealed = box.seal('totp', Buffer.from('secret'));
  expect(text(box.open('totp', sealed))).toBe('secret');
  expect(Buffer.from(sealed).includes('secret')).toBe(false);
  expect(box.open('other', sealed)).toBeUndefined();
  expect(createSecretBox(new Uint8Array(32).fill(2)).open('totp', sealed)).toBeUndefined();
  for (let at = 0; at < sealed.length; at++) {
    const changed = Uint8Array.from(sealed);
    changed[at] = (changed[at] as number) ^ 1;
    expect(box.open('totp', changed)).toBeUndefined();
  }
  for (const cut of [0, 1, 27, sealed.length - 1]) expect(box.open('totp', sealed.subarray(0, cut))).toBeUndefined();
  expect(text(box.seal('totp', Buffer.from('secret')))).not.toBe(text(sealed));
});

test('the key is made once, for its owner only', () => {
  const folder = mkdtempSync(join(tmpdir(), 'belay-box-'));
  try {
    const data = dataFolder(folder);
    const sealed = loadSecretBox(data).seal('x', Buffer.from('kept'));
    expect(text(loadSecretBox(data).open('x', sealed))).toBe('kept');
    expect(statSync(data.secretsKey).mode & 0o777).toBe(0o600);
    chmodSync(data.secretsKey, 0o644);
    expect(() => loadSecretBox(data)).toThrow(/chmod 600/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
