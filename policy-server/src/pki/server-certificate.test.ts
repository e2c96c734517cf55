import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type Authority, createAuthority, loadAuthority } from './authority.ts';
import { type DataFolder, dataFolder } from './data-folder.ts';
import { keepServerCertificate, type KeptCertificate } from './server-certificate.ts';

const DAY_MS = 86_400_000;
let data: DataFolder;
let authority: Authority;
let now: number;
const kept: KeptCertificate[] = [];
beforeEach(async () => {
  now = Date.now();
  data = dataFolder(mkdtempSync(join(tmpdir(), 'belay-certificate-')));
  authority = await loadAuthority(await createAuthority(new Uint8Array(32), now));
});
afterEach(() => {
  for (const each of kept.splice(0)) each.close();
  rmSync(data.folder, { recursive: true });
});

async function keep(names: readonly string[] = ['localhost']): Promise<KeptCertificate> {
  const made = await keepServerCertificate({ data, authority, names, clock: () => now, log: { info: () => undefined, error: () => undefined } });
  kept.push(made);
  return made;
}

const filesAgree = (): boolean => new X509Certificate(readFileSync(data.serverCertificate)).checkPrivateKey(createPrivateKey(readFileSync(data.serverKey)));

test('it is the same until less than two months of it are left; then a new one, of which everybody hears who listens', async () => {
  const certificate = await keep();
  const first = certificate.current;
  const heard: string[] = [];
  certificate.onRenewed((pair) => heard.push(pair.certificate));
  now = certificate.expiresAt - 61 * DAY_MS;
  await certificate.look();
  expect(certificate.current).toBe(first);
  now += 2 * DAY_MS;
  await certificate.look();
  expect(certificate.expiresAt).toBeGreaterThan(now + 390 * DAY_MS);
  expect(heard).toEqual([certificate.current.certificate]);
  expect(readFileSync(data.serverCertificate, 'utf8')).toBe(certificate.current.certificate);
  expect((await keep()).current).toEqual(certificate.current);
});

test('a name that it lacks, half of a pair, a file that is no certificate and one of another authority: a new one', async () => {
  const first = (await keep()).current;
  expect((await keep(['localhost', 'belay.example.org'])).current).not.toEqual(first);
  writeFileSync(data.serverKey, first.key);
  expect(filesAgree()).toBe(false);
  await keep();
  expect(filesAgree()).toBe(true);
  writeFileSync(data.serverCertificate, 'half a');
  await keep();
  expect(filesAgree()).toBe(true);
  const other = await loadAuthority(await createAuthority(new Uint8Array(32).fill(1), now));
  const foreign = await other.issueServer(['localhost'], now);
  writeFileSync(data.serverKey, foreign.key);
  writeFileSync(data.serverCertificate, foreign.certificate);
  const { current } = await keep();
  expect(authority.signed(new X509Certificate(current.certificate))).toBe(true);
});
