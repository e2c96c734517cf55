// A server that runs for years: its certificate and its role keys are replaced while devices are connected, and broken ones are not taken.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createWorld, describeRoot, testPolicies, type World } from '../support/world.ts';
import { worldNode } from '../support/world/place.ts';
import { rootPassphraseFile, serverFolder } from '../support/world/server.ts';

const PEER_SERIAL = `
const [, caFile, port, maxVersion] = process.argv;
const socket = require('node:tls').connect({ host: 'localhost', port, ca: require('node:fs').readFileSync(caFile), maxVersion }, () => {
  console.log(socket.getPeerCertificate().serialNumber);
  socket.destroy();
});`;

describeRoot('a server\'s keys, while it serves', () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
    await world.settled();
  });
  afterAll(async () => await world?.close());

  const serialsOnPorts = async (maxVersion = 'TLSv1.3'): Promise<readonly string[]> => {
    const ran = await Promise.all(['7443', '7444', '7445'].map((port) => world.run([worldNode, '-e', PEER_SERIAL, `${serverFolder}/pki/ca.pem`, port, maxVersion])));
    return ran.map(({ code, stdout, stderr }) => (code === 0 ? stdout.trim() : stderr));
  };
  const opens = { ...testPolicies, 'developers.yaml': testPolicies['developers.yaml']?.replace('- name: look around\n    who: ["group:developers"]', '- name: look around\n    who: ["group:developers", "user:bob"]') ?? '' };
  const bobMay = async (): Promise<boolean> => (await world.sudo('bob', ['id', '-u'])).code === 0;
  const rotate = async (...more: readonly string[]): Promise<void> => {
    expect(await world.program('belay-server', ['rotate-role-keys', '--data', serverFolder, '--root-passphrase-file', rootPassphraseFile, ...more])).toMatchObject({ code: 0 });
    await world.shell(`chown -R belay-server: ${serverFolder}`);
  };
  const logged = async (text: string): Promise<void> => void (await world.waitFor(async () => (await world.server.log()).includes(text), { what: `the server to log "${text}"` }));
  const ofServer = async (type: string) => (await world.events(['--type', type, '--limit', '1000'])).length;

  test('a new certificate is shown on every port, and the device goes on and connects by it', async () => {
    const before = await serialsOnPorts();
    expect(new Set(before).size).toBe(1);
    await world.shell(`rm ${serverFolder}/pki/server.key`);
    world.server.signal('SIGHUP');
    await logged('certificate is a new one');
    const after = await serialsOnPorts();
    expect(new Set(after).size).toBe(1);
    expect(after[0]).toMatch(/^[0-9A-F]{32}$/);
    expect(after[0]).not.toBe(before[0]);
    for (const refused of await serialsOnPorts('TLSv1.2')) expect(refused).toMatch(/PROTOCOL_VERSION/);
    expect(await world.sudo('alice', ['id', '-u'])).toMatchObject({ code: 0 });
    await world.settled();
    await world.uplink.stop();
    await world.uplink.start();
    await world.waitFor(async () => (await world.status()).serverConnected, { what: 'the device to connect again' });
  });

  test('new role keys: connected devices believe what they sign, and what the old ones sign no more', async () => {
    const { manifest } = await world.status();
    expect(await bobMay()).toBe(false);
    await rotate('--revoke-old');
    world.server.signal('SIGHUP');
    await world.waitFor(async () => ((await world.status()).manifest?.number ?? 0) > (manifest?.number ?? Infinity), { what: 'a manifest by the new keys' });
    await world.applyPolicies(opens);
    expect(await bobMay()).toBe(true);
    await world.settled();
    expect(await ofServer('server.keys-reloaded')).toBe(1);
    // Nothing but a new list is an event.
    world.server.signal('SIGHUP');
    await logged('the role keys are the same');
    expect(await ofServer('server.keys-reloaded')).toBe(1);
  });

  test('SECURITY(T-26): a broken list, an older one and one whose keys are not there are not taken: what is held goes on', async () => {
    const list = `${serverFolder}/role-keys.cbor`;
    await world.shell(`cp -p ${list} /run/held.cbor`);
    const isRefused = async (why: string): Promise<void> => {
      world.server.signal('SIGHUP');
      await logged(why);
      await world.applyPolicies(testPolicies);
      expect(await bobMay()).toBe(false);
      await world.applyPolicies(opens);
      expect(await bobMay()).toBe(true);
    };
    await world.shell(`head -c 100 /run/held.cbor >${list}`);
    await isRefused('the role keys could not be reloaded');
    await world.shell(`cp -p /run/held.cbor ${list}`);
    await rotate();
    await world.shell(`mkdir /run/away; cp -p ${list} /run/newer.cbor; mv ${serverFolder}/keys/* /run/away/`);
    await isRefused('no living');
    await world.shell(`cp -p /run/away/* ${serverFolder}/keys/`);
    const before = (await world.status()).manifest?.number ?? 0;
    world.server.signal('SIGHUP');
    await world.waitFor(async () => (await ofServer('server.keys-reloaded')) === 2, { what: 'the newer keys to be taken' });
    await world.waitFor(async () => ((await world.status()).manifest?.number ?? 0) > before, { what: 'the manifest by the newer keys' });
    await world.shell(`cp -p /run/held.cbor ${list}`);
    await isRefused('older than 3');
    expect(await ofServer('server.keys-reloaded')).toBe(2);
  });
});
