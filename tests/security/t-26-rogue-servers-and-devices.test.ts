// T-26. Attacker: a server that poses as ours (it has our name and port, not our root key), a device that was revoked, a thief with a
// device's certificate, and whoever finds an enrolment token that has been used. Set-up: a server with an enrolled device; a second,
// real server with keys of its own which takes the first one's place.
// Procedure: let the device meet the rogue; enrol with a token more often than it is good for, at one moment; speak to the fleet
// service with a forged certificate, a stolen one, and a revoked device's. Nothing is believed, nothing told, each refusal is on record.
import { parseToken } from '@belay/core/evidence';
import { sha256 } from '@belay/core/node-crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { commandOf, createWorld, describeRoot, serverFolder, type World, worldNode, worldRepo } from '../support/world.ts';
import { createService } from '../support/world/service.ts';

const unauthenticated = '16';
const denied = '7';
const rogueFolder = '/var/lib/belay-rogue';

describeRoot('T-26 rogue servers and devices', () => {
  let world: World;
  let device: string;
  beforeAll(async () => {
    world = await createWorld({ serverConfig: 'limits: { enrollmentsPerMinute: 1000 }' });
    await world.settled();
    device = (await world.status()).device;
    await world.shell(`cp ${serverFolder}/pki/ca.pem /root/ca.pem; cp /var/lib/belay-uplink/identity-${device}.json /root/identity.json`);
  });
  afterAll(async () => { await world?.close(); });

  async function intrude<T>(...args: readonly string[]): Promise<T> {
    const ran = await world.run([worldNode, '--disable-warning=ExperimentalWarning', `${worldRepo}/tests/security/attacker/intruder.ts`, ...args]);
    if (ran.code !== 0 || ran.stdout === '') throw new Error(ran.stderr);
    return JSON.parse(ran.stdout) as T;
  }

  const newToken = async (...args: readonly string[]) => {
    const { token } = await world.ask<{ token: string }>(['enroll-token', 'create', ...args]);
    const parsed = parseToken(token, sha256);
    if (!parsed.ok) throw new Error(parsed.error.message);
    return { token, ...parsed.value, server: Buffer.from(parsed.value.serverId).toString('hex') };
  };

  test.each([[1, []], [3, ['--uses', '3']]])('a token for %d enrols so many, however many ask at the same moment, and then none', async (uses, args) => {
    const { address, secret, server } = await newToken(...args);
    const codes = await intrude<readonly string[]>('enrol', address, secret, server, '/root/ca.pem', '12');
    expect(codes.filter((code) => code === 'ok')).toHaveLength(uses);
    expect(codes.filter((code) => code !== 'ok' && code !== unauthenticated)).toEqual([]);
    expect(await intrude('enrol', address, secret, server, '/root/ca.pem', '1')).toEqual([unauthenticated]);
    expect(await intrude('enrol', address, 'x'.repeat(secret.length), server, '/root/ca.pem', '1')).toEqual([unauthenticated]);
    expect((await world.events(['--type', 'enroll-token.refused'])).length).toBeGreaterThan(0);
  });

  test('a certificate of another authority is no certificate, and a stolen one renews nothing without its key', async () => {
    const forged = await intrude<Record<string, string>>('forged', '/root/identity.json');
    expect(Object.entries(forged).filter(([, code]) => code === 'ok')).toEqual([]);
    expect(await intrude<string>('thief', '/root/identity.json')).not.toBe('ok');
    const control = await intrude<Record<string, string>>('fleet', '/root/identity.json');
    expect({ sync: control['sync'], renew: control['renew'] }).toEqual({ sync: 'ok', renew: 'ok' });
  });

  test('a rogue in the server\'s place is not believed, told nothing, and the device goes on with what it has', async () => {
    const { token } = await newToken();
    await world.shell(`install -d -m 0700 -o belay-server -g belay-server ${rogueFolder}`);
    const init = ['init', '--data', rogueFolder, '--admin', 'admin', '--admin-password-file', '/run/belay-admin-password', '--address', 'belay-world', '--listen', '127.0.0.1', '--database', 'sqlite'];
    expect(await world.runAs('belay-server', commandOf('belay-server', init), { timeoutMs: 60_000 })).toMatchObject({ code: 0 });
    const before = await world.status();
    await world.server.stop();
    const rogue = createService(world, {
      name: 'rogue', user: 'belay-server', command: commandOf('belay-server', ['serve', '--config', `${rogueFolder}/server.yaml`]),
      isReady: async () => (await world.run(['bash', '-c', 'exec 2>/dev/null; for port in 7443 7444; do : </dev/tcp/127.0.0.1/$port || exit 1; done'])).code === 0,
    });
    await rogue.start();
    await world.uplink.stop();
    await world.uplink.start();
    await world.waitFor(async () => (await world.status()).problems.some((problem) => /cannot be reached|refused/.test(problem)), { what: 'the device to complain' });
    expect(await world.belay(['enroll', '-', '--replace'], { input: `${token}\n`, timeoutMs: 60_000 })).toMatchObject({ code: 6 });
    expect(await world.status()).toMatchObject({ serverConnected: false, device, manifest: { number: before.manifest?.number } });
    expect(await world.sudo('alice', ['-n', 'id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
    await rogue.stop();
    // What the rogue has heard: nobody enrolled, nobody tried with a token it could have kept.
    const heard = await world.shell(`cat ${rogueFolder}/server.db* | strings -n 8 || cat ${rogueFolder}/server.db*`);
    for (const text of [device, parsedSecret(token)]) expect({ text, heard: heard.includes(text) }).toEqual({ text, heard: false });
    await world.server.start();
    await world.settled({ timeoutMs: 30_000 });
  });

  test('a revoked device is nobody at once: no policy, no upload, no renewal, with its own key and certificate', async () => {
    expect((await world.belayctl(['device', 'revoke', device])).code).toBe(0);
    const calls = await intrude<Record<string, string>>('fleet', '/root/identity.json');
    expect(Object.keys(calls)).toHaveLength(5);
    expect(Object.entries(calls).filter(([, code]) => ![unauthenticated, denied].includes(code))).toEqual([]);
  });
});

function parsedSecret(token: string): string {
  const parsed = parseToken(token, sha256);
  if (!parsed.ok) throw new Error(parsed.error.message);
  return parsed.value.secret;
}
