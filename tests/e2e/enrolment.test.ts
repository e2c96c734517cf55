// A device joins, stays in, changes and leaves a fleet, with what can go wrong on the way.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { encodeToken, parseToken } from '@belay/core/evidence';
import { sha256 } from '@belay/core/node-crypto';
import { createWorld, describeRoot, testPolicies, type World } from '../support/world.ts';

const newToken = async (here: World): Promise<string> => (await here.ask<{ token: string }>(['enroll-token', 'create'])).token;
const enroll = async (here: World, token: string, ...args: readonly string[]) => await here.belay(['enroll', '-', ...args], { input: `${token}\n`, timeoutMs: 90_000 });
const types = async (here: World) => (await here.events(['--limit', '1000'])).map((event) => event['type']);

describeRoot('a device that is enrolled', () => {
  let here: World;
  beforeAll(async () => { here = await createWorld({ until: 'enrolled' }); });
  afterAll(async () => { await here?.close(); });

  test('the uplink is not root, keeps its key to itself, and cannot read what is belayd\'s', async () => {
    const pid = await here.uplink.pid();
    expect(await here.shell(`grep -E '^(Uid|Gid):' /proc/${pid}/status | cut -f2-5 | tr '\\t\\n' '  '`)).toBe('20101 20101 20101 20101 20101 20101 20101 20101 ');
    expect(await here.shell('stat -c "%a %U" /var/lib/belay-uplink /var/lib/belay-uplink/identity-*')).toBe('700 belay\n600 belay\n');
    expect((await here.runAs('belay', ['ls', '/var/lib/belay'])).code).not.toBe(0);
    expect((await here.run(['sh', '-c', `ls -l /proc/${pid}/fd | grep /var/lib/belay/`])).stdout).toBe('');
  });

  test('only root enrols; the token may come from a file', async () => {
    const token = await newToken(here);
    expect(await here.runAs('alice', ['belay', 'enroll', '-', '--replace'], { input: `${token}\n` })).toMatchObject({ code: 4 });
    await here.writeFile('/root/token', token, '0600');
    expect(await here.belay(['enroll', '--replace', '--token-file', '/root/token'], { timeoutMs: 90_000 })).toMatchObject({ code: 0 });
  });

  test('a token is good once; a damaged one, a used one and one of another server are told apart and refused', async () => {
    const used = await newToken(here);
    expect(await enroll(here, used)).toMatchObject({ code: 1, stderr: expect.stringContaining('already enrolled') });
    expect(await enroll(here, used, '--replace')).toMatchObject({ code: 0 });
    expect(await enroll(here, used, '--replace')).toMatchObject({ code: 6, stderr: expect.stringContaining('used up') });
    expect(await enroll(here, used.slice(0, -3), '--replace')).toMatchObject({ code: 6, stderr: expect.stringContaining('damaged') });
    expect(await enroll(here, 'no token at all', '--replace')).toMatchObject({ code: 6, stderr: expect.stringContaining('not an enrolment token') });
    const parsed = parseToken(await newToken(here), sha256);
    if (!parsed.ok) throw new Error(parsed.error.message);
    // SECURITY(T-26): a server that is not the one whose root key the token names learns no secret.
    const foreign = encodeToken({ ...parsed.value, serverId: sha256(Buffer.from('another root key')) }, sha256);
    expect(await enroll(here, foreign, '--replace')).toMatchObject({ code: 6, stderr: expect.stringContaining('not the server') });
    expect(await enroll(here, encodeToken(parsed.value, sha256), '--replace')).toMatchObject({ code: 0 });
    expect(await types(here)).toContain('enroll-token.refused');
  });

  test('belay unenroll erases policy and keys, and nobody but root elevates any more', async () => {
    await here.applyPolicies(testPolicies);
    expect(await here.sudo('alice', ['id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
    expect(await here.belay(['unenroll'])).toMatchObject({ code: 0 });
    expect((await here.belay(['status'])).code).toBe(7);
    expect(await here.sudo('alice', ['id'])).toMatchObject({ code: 1, stdout: '' });
    expect(await here.sudo('root', ['id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
    await here.waitFor(async () => (await here.shell('ls /var/lib/belay-uplink')).includes('identity') === false, { what: 'the TLS key to be erased' });
  });
});

describeRoot('a device that works', () => {
  let here: World;
  beforeAll(async () => { here = await createWorld(); });
  afterAll(async () => { await here?.close(); });

  test('a failed enrolment leaves the device as it was: enrolled, connected and deciding', async () => {
    const before = await here.status();
    const token = await newToken(here);
    await here.server.stop();
    expect(await enroll(here, token, '--replace')).toMatchObject({ code: 5, stderr: expect.stringContaining('cannot be reached') });
    await here.server.start();
    expect((await here.status()).device).toBe(before.device);
    expect(await here.sudo('alice', ['id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
    await here.settled({ timeoutMs: 60_000 });
  });

  test('--replace makes it another device with another chain; policy is in force again, and the old key is gone', async () => {
    await here.settled();
    const before = await here.status();
    expect(await enroll(here, await newToken(here), '--replace')).toMatchObject({ code: 0 });
    await here.waitFor(async () => (await here.status()).manifest !== null, { what: 'policy for the new device' });
    const after = await here.status();
    expect(after.device).not.toBe(before.device);
    expect(await here.sudo('alice', ['id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
    await here.settled();
    expect(await here.shell('ls /var/lib/belay-uplink | grep ^identity')).toBe(`identity-${after.device}.json\n`);
    await here.shell('belayctl event export >/tmp/export.ndjson && belay-verify /tmp/export.ndjson');
  });

  test('revoked, it is refused: it keeps its last policy, is told apart in the status, and sends nothing', async () => {
    await here.settled();
    const { device } = await here.status();
    expect((await here.belayctl(['device', 'revoke', device])).code).toBe(0);
    await here.waitFor(async () => !(await here.status()).serverConnected, { what: 'the device to be turned away' });
    expect(await here.sudo('alice', ['id', '-u'])).toMatchObject({ code: 0 });
    const status = await here.status();
    expect({ connected: status.serverConnected, waiting: status.eventsUnreceipted > 0, says: status.problems.join(' ') }).toEqual({ connected: false, waiting: true, says: expect.stringMatching(/refused|not part of the fleet/) });
  });
});

describeRoot('a device whose certificate lives for seconds', () => {
  let here: World;
  beforeAll(async () => { here = await createWorld({ serverConfig: 'devices: { certificate: 4s }' }); });
  afterAll(async () => { await here?.close(); });

  test('renews it when two thirds of its life are over, also once it has expired', async () => {
    await here.uplink.stop();
    await here.waitFor(async () => {
      const [device] = await here.ask<readonly { certificateExpiresAt: number }[]>(['device', 'list']);
      return device !== undefined && device.certificateExpiresAt < Date.now();
    }, { what: 'the certificate to expire' });
    expect(await here.sudo('alice', ['id', '-u'])).toMatchObject({ code: 0 });
    await here.uplink.start();
    await here.settled({ timeoutMs: 60_000 });
    expect(await types(here)).toContain('device.renewed');
  });
});
