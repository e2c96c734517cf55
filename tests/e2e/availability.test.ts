// What holds while parts of Belay are away: the server for a long time, belayd for a moment.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createWorld, describeRoot, testPolicies, type World } from '../support/world.ts';

describeRoot('when the server is away, and comes back', () => {
  let here: World;
  beforeAll(async () => { here = await createWorld(); });
  afterAll(async () => { await here?.close(); });

  test('the server is down for the whole of the work: allowed commands run, denied ones do not, every event arrives after it returns', async () => {
    await here.settled();
    const before = (await here.events(['--limit', '1000'])).length;
    await here.server.stop();
    const rounds = 10;
    for (let round = 0; round < rounds; round++) {
      expect(await here.sudo('alice', ['id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
      expect(await here.sudo('bob', ['id'])).toMatchObject({ code: 1, stdout: '' });
    }
    await here.belayd.stop();
    await here.belayd.start();
    expect(await here.sudo('alice', ['id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
    expect((await here.status()).serverConnected).toBe(false);
    await here.server.start();
    await here.settled({ timeoutMs: 60_000 });
    const events = (await here.events(['--limit', '1000'])).slice(0);
    const count = (type: string) => events.filter((event) => event['type'] === type).length;
    expect({ intents: count('elevation.intent'), outcomes: count('elevation.outcome'), denied: count('elevation.denied') })
      .toEqual({ intents: rounds + 1, outcomes: rounds + 1, denied: rounds });
    expect(events.length).toBeGreaterThan(before);
  });

  test('a new policy is in force on the device once it is applied, without anybody there doing anything', async () => {
    expect((await here.sudo('bob', ['id', '-u'])).code).toBe(1);
    const open = testPolicies['developers.yaml']?.replace('- name: look around\n    who: ["group:developers"]', '- name: look around\n    who: ["group:developers", "user:bob"]') ?? '';
    await here.writeFile('/root/open/developers.yaml', open);
    await here.writeFile('/root/open/recovery.yaml', testPolicies['recovery.yaml'] ?? '');
    const applied = await here.belayctl(['policy', 'apply', '-f', '/root/open']);
    expect(applied).toMatchObject({ code: 0 });
    await here.waitFor(async () => (await here.sudo('bob', ['id', '-u'])).code === 0, { what: 'bob to be allowed' });
  });
});

describeRoot('when belayd is away', () => {
  let here: World;
  beforeAll(async () => { here = await createWorld({ until: 'agent' }); });
  afterAll(async () => { await here?.close(); });

  test('a device that was never enrolled denies, and root still works', async () => {
    expect(await here.sudo('alice', ['id'])).toMatchObject({ code: 1, stdout: '' });
    expect(await here.sudo('root', ['id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
    expect((await here.belay(['status'])).code).toBe(7);
  });

  test('belayd is silent: a standard user is denied within its deadline', async () => {
    here.belayd.signal('SIGSTOP');
    const startedAt = performance.now();
    expect(await here.sudo('alice', ['id'])).toMatchObject({ code: 1, stdout: '' });
    expect(performance.now() - startedAt).toBeLessThan(30_000);
    here.belayd.signal('SIGCONT');
  });

  test('belayd is down: everyone is denied with a sentence that says what to do; root runs on, recorded by syslog', async () => {
    await here.belayd.stop();
    const denied = await here.sudo('alice', ['id']);
    expect({ code: denied.code, stdout: denied.stdout }).toEqual({ code: 1, stdout: '' });
    expect(denied.stderr).toMatch(/belayd/);
    expect(await here.sudo('root', ['id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
    await here.waitFor(async () => (await here.run(['cat', '/var/log/syslog-of-world'])).stdout.includes('belayd did not answer'), { what: 'the syslog record' });
  });
});
