// Runs in a world as somebody on the network: speaks gRPC to the server with what was stolen or made up. Prints one JSON object.
//
//   intruder.ts enrol ADDRESS SECRET SERVER-ID AUTHORITY-FILE COUNT   COUNT enrolments with one token at the same moment
//   intruder.ts fleet IDENTITY-FILE                                   every call of the fleet service and a renewal, as that device
//   intruder.ts forged IDENTITY-FILE                                  the same with a certificate of an authority of one's own
//   intruder.ts thief IDENTITY-FILE                                   a renewal with the certificate, and another key
import { readFileSync } from 'node:fs';
import { createPrivateKey, generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import { deviceIdOf, enrolmentStatement, renewalStatement } from '@belay/core/evidence';
import { generateEd25519, sha256 } from '@belay/core/node-crypto';
import { createCertificateRequest } from '../../../agent/src/uplink/csr.ts';
import { type Identity, pemOf } from '../../../agent/src/uplink/identity.ts';
import { enrollmentClient, fleetClient } from '../../../agent/src/uplink/server.ts';
import { createAuthority, loadAuthority, provenKeyOf } from '../../../policy-server/src/pki/authority.ts';

const timeoutMs = 30_000;

/** `ok`, or the status code of gRPC. */
async function outcome(call: Promise<unknown>): Promise<string> {
  return await call.then(() => 'ok', (error: unknown) => String((error as { code?: unknown }).code ?? error));
}

async function enrol([address = '', secret = '', serverIdHex = '', authorityFile = '', count = '1']: readonly string[]): Promise<readonly string[]> {
  const serverId = Buffer.from(serverIdHex, 'hex');
  const attempts = await Promise.all(Array.from({ length: Number(count) }, async (_, index) => {
    const key = generateEd25519();
    const device = deviceIdOf(key.publicKey, sha256);
    const request = await createCertificateRequest(device);
    const evidenceProof = key.sign(enrolmentStatement(serverId, device, sha256(request.der)));
    return { secret, csr: request.der, evidenceKey: key.publicKey, evidenceProof, hostname: `intruder-${index}` };
  }));
  const client = enrollmentClient(address, readFileSync(authorityFile, 'utf8'));
  return await Promise.all(attempts.map((attempt) => outcome(client.enroll(attempt, { timeoutMs }))));
}

async function fleet(identity: Identity): Promise<Record<string, string>> {
  const client = fleetClient(identity);
  const sync = (): Promise<void> => new Promise((resolve, reject) => {
    const stream = client.sync();
    stream.on('error', reject);
    stream.on('data', () => resolve());
    stream.write({ agentVersion: 'x', deviceTimeMs: BigInt(Date.now()) });
    setTimeout(() => reject(new Error('silence')), timeoutMs).unref();
  });
  return {
    sync: await outcome(sync()),
    getBundle: await outcome(client.getBundle({ digest: randomBytes(32) }, { timeoutMs })),
    uploadEvents: await outcome(client.uploadEvents({ chain: randomBytes(32), first: 1n, events: [], earliest: 1n }, { timeoutMs })),
    reportInventory: await outcome(client.reportInventory({}, { timeoutMs })),
    renew: await renew(identity, identity.tlsKey),
  };
}

async function renew(identity: Identity, keyPem: string): Promise<string> {
  const request = await createCertificateRequest(identity.device);
  const statement = renewalStatement(Buffer.from(identity.serverId, 'hex'), identity.device, sha256(request.der));
  const client = enrollmentClient(identity.enrollmentAddress, identity.authority);
  const proof = sign('sha256', statement, createPrivateKey(keyPem));
  return await outcome(client.renew({ certificate: new X509Certificate(identity.certificate).raw, csr: request.der, proof }, { timeoutMs }));
}

async function forge(identity: Identity): Promise<Identity> {
  const own = await loadAuthority(await createAuthority(Buffer.from(identity.serverId, 'hex'), Date.now()));
  const request = await createCertificateRequest(identity.device);
  const publicKey = await provenKeyOf(request.der);
  if (publicKey === undefined) throw new Error('no key');
  const { der } = await own.issueDevice({ device: identity.device, evidenceKey: randomBytes(32), publicKey, validForMs: 3_600_000 }, Date.now());
  return { ...identity, certificate: pemOf(der), tlsKey: request.privateKeyPem };
}

const [, , what, ...args] = process.argv as [string, string, string, ...string[]];
const identityOf = (): Identity => JSON.parse(readFileSync(args[0] ?? '', 'utf8')) as Identity;
const otherKey = (): string => generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const acts: Readonly<Record<string, () => Promise<unknown>>> = {
  enrol: async () => await enrol(args),
  fleet: async () => await fleet(identityOf()),
  forged: async () => await fleet(await forge(identityOf())),
  thief: async () => await renew(identityOf(), otherKey()),
};
process.stdout.write(JSON.stringify(await acts[what]?.()));
process.exit(0);
