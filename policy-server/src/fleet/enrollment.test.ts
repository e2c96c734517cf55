import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { X509Certificate } from 'node:crypto';
import { deviceIdOf, enrolmentStatement, openEnvelope, parseToken, serverIdOf } from '@belay/core/evidence';
import { ed25519Verify, generateEd25519, sha256 } from '@belay/core/node-crypto';
import { status } from '@grpc/grpc-js';
import {
  createCsr, digest, enrol, type Enrolled, eventually, fleetClient, newTlsKey, openSync, pemOf, renewalProof, startTestServer, type TestServer,
  TESTER,
} from '../../../tests/support/fleet.ts';

const DAY_MS = 86_400_000;
const CALL = { timeoutMs: 20_000 };
let offsetMs = 0;
const clock = (): number => Date.now() + offsetMs;
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({ clock, config: 'limits: { enrollmentsPerMinute: 1000 }' });
});
afterAll(() => server.close());

async function refusals(why: string): Promise<number> {
  const rows = await server.context.store.db.selectFrom('events').select('summary').where('type', '=', 'enroll-token.refused').execute();
  return rows.filter((row) => row.summary.includes(`why=${why}`)).length;
}

async function withClient<T>(work: (client: ReturnType<TestServer['enrollment']>) => Promise<T>): Promise<T> {
  const client = server.enrollment();
  try {
    return await work(client);
  } finally {
    client.close();
  }
}

function renew(device: Enrolled, csr: Awaited<ReturnType<typeof createCsr>>, proof = renewalProof(device, csr)) {
  return withClient((client) => client.renew({ certificate: device.certificate, csr: csr.der, proof }, CALL));
}

describe('trust', () => {
  test('hangs on the root key whose hash is in the token', async () => {
    const token = parseToken(await server.token(), sha256);
    const trust = await withClient((client) => client.getTrust({}, CALL));
    const serverId = serverIdOf(trust.rootKey, sha256);
    const pin = { serverId, rootKey: trust.rootKey.subarray(12), keys: [] };
    const authority = openEnvelope(trust.authority, 'authority', pin, ed25519Verify, Date.now());
    const roleKeys = openEnvelope(trust.roleKeys, 'role-keys', pin, ed25519Verify, Date.now());
    expect(token.ok && Buffer.from(token.value.serverId).equals(serverId)).toBe(true);
    expect(authority.ok && pemOf(authority.value.certificate).replaceAll('\n', '')).toBe(server.ca.replaceAll('\n', ''));
    expect(roleKeys).toMatchObject({ ok: true, value: { version: 1, epoch: 1 } });
  });
});

describe('enrolment', () => {
  test('certifies both keys under the id that follows from the evidence key', async () => {
    const key = generateEd25519();
    const device = await enrol(server, await server.token({ groups: ['engineering'] }), key, 'anna-laptop');
    const certificate = new X509Certificate(device.certificate);
    const days = (certificate.validToDate.getTime() - Date.now()) / DAY_MS;
    const admission = openEnvelope(device.admission, 'admission', server.context.keys.trust, ed25519Verify, Date.now());
    const row = await server.devices.show('anna-laptop', 'all');
    expect(device.id).toBe(deviceIdOf(key.publicKey, sha256));
    expect(certificate.subjectAltName).toBe(`URI:belay:device:${device.id}`);
    expect(Buffer.from(device.certificate).includes(key.publicKey)).toBe(true);
    expect(Math.round(days)).toBe(30);
    expect(admission).toMatchObject({ ok: true, value: { device: device.id, name: 'anna-laptop' } });
    expect(row).toMatchObject({ ok: true, value: { id: device.id, name: 'anna-laptop', groups: ['engineering'], state: 'active' } });
  });

  test('happens once for a single-use token, also when ten devices try at the same moment', async () => {
    const token = await server.token();
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => enrol(server, token)));
    const codes = results.flatMap((result) => (result.status === 'rejected' ? [(result.reason as { code: number }).code] : []));
    expect(codes).toEqual(Array.from({ length: 9 }, () => status.UNAUTHENTICATED));
  });

  test('happens as often as a token for many allows', async () => {
    const token = await server.token({ uses: 3 });
    for (let use = 0; use < 3; use++) await enrol(server, token);
    await expect(enrol(server, token)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
  });

  test('may be repeated by the same device, whose answer got lost', async () => {
    const token = await server.token();
    const key = generateEd25519();
    const first = await enrol(server, token, key);
    const again = await enrol(server, token, key);
    expect(again.id).toBe(first.id);
    expect(again.certificate).not.toEqual(first.certificate);
  });

  test('answers unknown, expired, spent and revoked tokens alike, and records which it was', async () => {
    const spent = await server.token();
    await enrol(server, spent);
    const expired = await server.token({ validForMs: 1000 });
    const known = new Set((await server.devices.listTokens({ limit: 200 })).map(({ id }) => id));
    const revoked = await server.token();
    const [newest] = (await server.devices.listTokens({ limit: 200 })).filter(({ id }) => !known.has(id));
    expect(newest?.id).toMatch(/^[a-z2-7]{12}$/); // no option of a command line
    await server.devices.revokeToken(newest?.id as string, 'tester');
    const other = parseToken(spent, sha256);
    const made = other.ok ? `${other.value.secret.split('.')[0]}.${'A'.repeat(43)}` : '';
    offsetMs = 2000;
    const failures = await Promise.all([enrolWithSecret(made), enrolWithSecret('nothing'), ...[spent, expired, revoked].map((token) => enrol(server, token).catch((error: unknown) => error))]);
    offsetMs = 0;
    const seen = failures.map((failure) => ({ code: (failure as { code: number }).code, details: (failure as { details: string }).details }));
    expect(new Set(seen.map((each) => JSON.stringify(each)))).toEqual(new Set([JSON.stringify({ code: status.UNAUTHENTICATED, details: 'The token is unknown, expired or used up.' })]));
    expect(await refusals('expired')).toBeGreaterThan(0);
  });

  async function enrolWithSecret(secret: string): Promise<unknown> {
    const key = generateEd25519();
    const csr = await createCsr();
    const proof = key.sign(enrolmentStatement(server.context.keys.serverId, deviceIdOf(key.publicKey, sha256), digest(csr.der)));
    return withClient((client) => client.enroll({ secret, csr: csr.der, evidenceKey: key.publicKey, evidenceProof: proof, hostname: 'x' }, CALL).catch((error: unknown) => error));
  }

  test('wants both keys proven, and spends no use of the token on those who cannot', async () => {
    const token = await server.token();
    const parsed = parseToken(token, sha256);
    const secret = parsed.ok ? parsed.value.secret : '';
    const [key, csr, otherCsr] = [generateEd25519(), await createCsr(), await createCsr()];
    const id = deviceIdOf(key.publicKey, sha256);
    const proof = key.sign(enrolmentStatement(server.context.keys.serverId, id, digest(csr.der)));
    const forged = new Uint8Array(csr.der);
    forged[forged.length - 1] = (forged[forged.length - 1] as number) ^ 1;
    const attempts = [
      { csr: otherCsr.der, evidenceProof: proof },
      { csr: csr.der, evidenceProof: new Uint8Array(64) },
      { csr: forged, evidenceProof: key.sign(enrolmentStatement(server.context.keys.serverId, id, digest(forged))) },
      { csr: csr.der, evidenceProof: proof, evidenceKey: generateEd25519().publicKey },
      { csr: new Uint8Array(10), evidenceProof: proof },
    ];
    for (const attempt of attempts) {
      await withClient((client) => expect(client.enroll({ secret, evidenceKey: key.publicKey, hostname: 'x', ...attempt }, CALL)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT }));
    }
    await expect(enrol(server, token, key)).resolves.toMatchObject({ id });
  });

  test('names a device with a hostile host name by its id', async () => {
    const device = await enrol(server, await server.token(), generateEd25519(), '\u001b[31mroot\u0000</script>');
    expect(await server.devices.show(device.id, 'all')).toMatchObject({ ok: true, value: { name: device.id } });
  });
});

describe('renewal', () => {
  test('takes an expired certificate for up to a year, and no longer', async () => {
    const device = await enrol(server, await server.token());
    offsetMs = 200 * DAY_MS;
    const csr = await createCsr();
    const renewed = await renew(device, csr);
    expect(new X509Certificate(renewed.certificate).validFromDate.getTime()).toBeGreaterThan(Date.now() + 199 * DAY_MS);
    offsetMs = 400 * DAY_MS;
    await expect(renew(device, await createCsr())).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    offsetMs = 0;
  });

  test('wants the present key\'s proof, a certificate of ours and a device that is not revoked', async () => {
    const device = await enrol(server, await server.token());
    const csr = await createCsr();
    await expect(renew({ ...device, tlsKey: newTlsKey() }, csr)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    await expect(renew(device, await createCsr(), renewalProof(device, csr))).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    const foreign = await startTestServer();
    const stranger = await enrol(foreign, await foreign.token());
    await foreign.close();
    await expect(renew({ ...stranger, serverId: device.serverId }, csr)).rejects.toMatchObject({ code: status.UNAUTHENTICATED });
    await server.devices.revoke(device.id, TESTER);
    await expect(renew(device, csr)).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
  });
});

describe('the fleet port', () => {
  test('does not speak to who has no certificate of ours', async () => {
    const foreign = await startTestServer();
    const stranger = await enrol(foreign, await foreign.token());
    await foreign.close();
    const client = fleetClient(server, stranger);
    await expect(client.getBundle({ digest: new Uint8Array(32) }, { timeoutMs: 3000 })).rejects.toMatchObject({ code: expect.any(Number) });
    client.close();
  });

  test('refuses a revoked device at once and ends its stream', async () => {
    const device = await enrol(server, await server.token());
    const client = fleetClient(server, device);
    const stream = openSync(client);
    stream.report({});
    await stream.next((message) => message.case === 'manifest');
    await server.devices.revoke(device.id, TESTER);
    expect(await stream.ended).toMatchObject({ code: status.PERMISSION_DENIED });
    await expect(client.getBundle({ digest: new Uint8Array(32) }, CALL)).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    const again = openSync(client);
    expect(await again.ended).toMatchObject({ code: status.PERMISSION_DENIED });
    client.close();
  });

  test('limits how often an address may try to enrol', async () => {
    const strict = await startTestServer({ config: 'limits: { enrollmentsPerMinute: 3 }' });
    const client = strict.enrollment();
    const codes: (number | undefined)[] = [];
    for (let attempt = 0; attempt < 5; attempt++) codes.push(await client.getTrust({}, CALL).then(() => undefined, (error: { code: number }) => error.code));
    client.close();
    await strict.close();
    expect(codes).toEqual([undefined, undefined, undefined, status.RESOURCE_EXHAUSTED, status.RESOURCE_EXHAUSTED]);
  });
});

test('what happened is in the server\'s own chain', async () => {
  const types = await eventually(async () => {
    const rows = await server.context.store.db.selectFrom('events').select('type').distinct().execute();
    const seen = rows.map((row) => row.type);
    return seen.includes('device.revoked') && seen.includes('device.renewed') ? seen : undefined;
  });
  expect(types).toEqual(expect.arrayContaining(['enroll-token.created', 'device.enrolled', 'enroll-token.refused', 'enroll-token.revoked']));
});
