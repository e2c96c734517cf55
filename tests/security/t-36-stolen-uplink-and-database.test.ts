// T-36. Attacker: whoever has taken over the uplink (the system user `belay`, the process that parses the network), and whoever has a
// copy of the server's database. Set-up: an enrolled device with a policy in force; a server of its own with one device.
// Procedure: as the uplink, ask belayd to sign what is not asked for, deliver forged receipts, orders, enrolments; reach for belayd's
// files and its other socket. Then read the server's database byte by byte: no private key, no secret and no password is in it.
import { generateEd25519, sha256 } from '@belay/core/node-crypto';
import { type Receipt, sealEnvelope } from '@belay/core/evidence';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { adminPassword, createWorld, serverFolder, type World } from '../support/world.ts';
import { describeRoot } from '../support/world/root-only.ts';
import { converse, startAttacker } from './attacker/attacker.ts';
import { expectAnswer, makeFleetKeys, openOwnFleet, type OwnFleet, roleKeysEnvelope } from './attacker/own-fleet.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: good }
rules:
  - name: id
    who: ["user:alice"]
    run: [{ command: /usr/bin/id }]
    then: allow
`;
const stranger = generateEd25519();

describeRoot('T-36 the uplink stolen', () => {
  let world: SecuredWorld;
  let fleet: OwnFleet;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    fleet = world.fleet;
    await world.sudo('alice', ['-n', 'id']);
  });
  afterAll(async () => { await world?.close(); });

  const receipt = (changes: Partial<Receipt>, keyId = 'receipt-1', key = fleet.keys.roles.receipt): Uint8Array =>
    sealEnvelope('receipt', { server: fleet.keys.serverId, device: fleet.device, chain: fleet.chain, seq: 1, head: sha256(Buffer.from('x')), time: Date.now(), ...changes }, { keyId, sign: key.sign });

  test('it cannot have the evidence key sign anything but the enrolment that root asked for', async () => {
    for (const csrDigest of [randomBytes(32), new Uint8Array(), randomBytes(64)]) {
      expect((await fleet.uplink().ask({ case: 'signEnrollment', value: { csrDigest } }))?.case).toBe('refusal');
    }
    const mine = makeFleetKeys();
    const result = { ok: true, rootKey: mine.rootSpki, roleKeys: roleKeysEnvelope(mine), admission: randomBytes(100), serverAddress: '127.0.0.1:1', deviceName: 'x' };
    expect((await fleet.uplink().ask({ case: 'enrollmentResult', value: result }))?.case).toBe('refusal');
    expect((await world.status()).device).toBe(fleet.device);
    expect(await world.sudo('alice', ['-n', 'id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
  });

  test('it cannot make belayd believe that evidence is safe elsewhere', async () => {
    const records = await fleet.records();
    const before = await world.status();
    expect(before.eventsUnreceipted).toBeGreaterThan(0);
    const forged = [
      receipt({ seq: records.length }),
      receipt({ seq: records.length }, 'receipt-1', stranger),
      receipt({ seq: records.length }, 'policy-1', fleet.keys.roles.policy),
      receipt({ seq: 1_000_000 }),
      receipt({ device: 'd-aaaaaaaaaaaaaaaaaaaaaaaaaa' }),
      receipt({ chain: randomBytes(32) }),
      receipt({}).subarray(0, -3),
      Buffer.from('nonsense'),
    ];
    for (const [index, envelope] of forged.entries()) {
      const answer = await fleet.uplink().ask({ case: 'receipt', value: { envelope } });
      expect({ index, answer: answer?.case }).toEqual({ index, answer: 'refusal' });
    }
    expect((await world.status()).eventsUnreceipted).toBeGreaterThanOrEqual(before.eventsUnreceipted);
    expect((await fleet.records()).length).toBeGreaterThanOrEqual(records.length);
  });

  test('it cannot give orders', async () => {
    const order = { server: fleet.keys.serverId, device: fleet.device, id: 'order-1', issuedAt: Date.now(), expiresAt: Date.now() + 60_000, action: { type: 'report' as const } };
    const seal = (changes: object, keyId: string, key = stranger): Uint8Array => sealEnvelope('order', { ...order, ...changes }, { keyId, sign: key.sign });
    const forged = [seal({}, 'order-1'), seal({}, 'policy-1', fleet.keys.roles.policy), seal({ device: 'd-other' }, 'order-1', fleet.keys.roles.order), seal({ expiresAt: Date.now() - 1 }, 'order-1', fleet.keys.roles.order)];
    for (const envelope of forged) expect((await fleet.uplink().ask({ case: 'order', value: { envelope } }))?.case).toBe('refusal');
    expectAnswer(await fleet.uplink().ask({ case: 'order', value: { envelope: seal({}, 'order-1', fleet.keys.roles.order) } }), 'done');
  });

  test('it sees no key, and is an ordinary user everywhere else', async () => {
    for (const command of ['ls /var/lib/belay', 'cat /var/lib/belay/state.db', 'cat /var/lib/belay/journal.db', 'ls /var/lib/belay/keys']) {
      expect({ command, code: (await world.runAs('belay', ['sh', '-c', `${command} >/dev/null`])).code === 0 }).toEqual({ command, code: false });
    }
    const talk = await converse(fleet.attacker);
    await talk.next();
    talk.say({ case: 'unenroll', value: {} });
    expect((await talk.next())?.case ?? 'closed').toMatch(/^(refusal|closed)$/);
    expect((await world.status()).enrolled).toBe(true);
  });

  test('others are not let in where it speaks: not alice, not even root', async () => {
    for (const user of ['alice', 'root']) {
      const other = await startAttacker(world, user);
      const line = await other.connect('/run/belay/uplink.sock');
      await world.waitFor(() => line.isClosed(), { what: `${user} to be refused` });
      expect(line.received()).toHaveLength(0);
      await other.kill();
    }
  });

  test('during an enrolment it cannot swap the server that root named', async () => {
    const mine = makeFleetKeys();
    const world2 = await createWorld({ until: 'plugin' });
    try {
      await world2.belayd.start();
      // The fleet that answers has other keys than the token pins.
      const honest = makeFleetKeys();
      await expect(openOwnFleet(world2, { ...mine, serverId: honest.serverId })).rejects.toThrow(/SIGNATURE|SERVER/);
      expect((await world2.status()).enrolled).toBe(false);
    } finally {
      await world2.close();
    }
  });
});

describeRoot('T-36 the database stolen', () => {
  let world: World;
  beforeAll(async () => { world = await createWorld({ until: 'policy' }); });
  afterAll(async () => { await world?.close(); });

  test('it holds no private key, no secret of a token and no password', async () => {
    const created = await world.ask<{ token: string }>(['enroll-token', 'create']);
    const service = await world.ask<{ token: string }>(['token', 'create', 'ci', '--role', 'viewer']);
    await world.server.stop();
    const database = Buffer.from(await world.shell(`cat ${serverFolder}/*.db* ${serverFolder}/*/*.db* 2>/dev/null | base64 -w0 || :`), 'base64');
    expect(database.length).toBeGreaterThan(10_000);
    for (const secret of [adminPassword, created.token, service.token, secretOf(created.token)]) expect({ secret, found: database.includes(secret) }).toEqual({ secret, found: false });
    expect(database.includes('PRIVATE KEY')).toBe(false);
    // Each key file of the server: neither as it is nor its decoded content is in the database.
    const files = (await world.shell(`find ${serverFolder} -type f ! -name '*.db*' ! -name '*.yaml' -exec sh -c 'for f; do base64 -w0 "$f"; echo; done' sh {} +`)).split('\n').filter(Boolean).map((text) => Buffer.from(text, 'base64'));
    const keys = files.filter((file) => /PRIVATE/.test(file.toString('latin1')) || file.length <= 64);
    expect(keys.length).toBeGreaterThanOrEqual(4);
    for (const key of keys) {
      const body = Buffer.from(key.toString('latin1').replace(/-----[^-]+-----|\s/g, ''), 'base64');
      for (const bytes of [key, body, body.subarray(-32)]) expect(bytes.length >= 16 && database.includes(bytes)).toBe(false);
    }
    await world.server.start();
  });
});

function secretOf(token: string): Buffer {
  return Buffer.from(token.replace(/^belay1\./, ''), 'base64url').subarray(0, -4);
}
