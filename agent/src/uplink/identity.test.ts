import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import * as x509 from '@peculiar/x509';
import { generateKeyPairSync, KeyObject, webcrypto } from 'node:crypto';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createIdentityStore, type Identity, isExpired, renewalTimeMs } from './identity.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const from = new Date('2026-01-01T00:00:00Z');
const to = new Date('2026-01-31T00:00:00Z');

async function identityOf(device: string): Promise<Identity> {
  x509.cryptoProvider.set(webcrypto as unknown as Crypto);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=x', keys: keys as never, notBefore: from, notAfter: to, signingAlgorithm: algorithm });
  const tlsKey = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' }) as string;
  return {
    device, serverId: '00'.repeat(32), rootKey: 'AAAA', fleetAddress: 'server:7443', enrollmentAddress: 'server:7444',
    tlsKey, certificate: certificate.toString('pem'), authority: certificate.toString('pem'),
  };
}

describe('the uplink keeps its identity', () => {
  let folder: string;
  beforeEach(() => { folder = mkdtempSync(join(tmpdir(), 'belay-identity-')); });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('as it was saved, readable by its own user only', async () => {
    const store = createIdentityStore(folder);
    const identity = await identityOf('d-one');
    store.save(identity);
    expect(store.load('d-one')).toEqual(identity);
    expect(readdirSync(folder).map((name) => [name, statSync(join(folder, name)).mode & 0o777])).toEqual([['identity-d-one.json', 0o600]]);
  });

  test('for each device apart, until it is told to keep only one', async () => {
    const store = createIdentityStore(folder);
    store.save(await identityOf('d-old'));
    store.save(await identityOf('d-new'));
    expect([store.load('d-old')?.device, store.load('d-new')?.device]).toEqual(['d-old', 'd-new']);
    store.keepOnly('d-new');
    expect([store.load('d-old'), store.load('d-new')?.device]).toEqual([undefined, 'd-new']);
    store.keepOnly(undefined);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('not when it is damaged, of another device, or its key is not the certificate\'s', async () => {
    const store = createIdentityStore(folder);
    const identity = await identityOf('d-one');
    store.save(identity);
    const file = join(folder, 'identity-d-one.json');
    const otherKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
    const damaged = [
      readFileSync(file, 'utf8').slice(0, -9), '', JSON.stringify({ ...identity, tlsKey: otherKey }), JSON.stringify({ ...identity, device: 'd-two' }),
      JSON.stringify({ ...identity, extra: 1 }),
    ];
    chmodSync(file, 0o600);
    for (const content of damaged) {
      writeFileSync(file, content);
      expect(store.load('d-one')).toBeUndefined();
    }
    expect(store.load('../d-one')).toBeUndefined();
  });

  test('and renews its certificate at two thirds of its life', async () => {
    const { certificate } = await identityOf('d-one');
    expect(new Date(renewalTimeMs(certificate)).toISOString()).toBe('2026-01-21T00:00:00.000Z');
    expect([isExpired(certificate, to.getTime() - 1), isExpired(certificate, to.getTime())]).toEqual([false, true]);
  });
});
