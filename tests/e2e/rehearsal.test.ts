// belayd hears from the kernel that a sudo starts: the real one, and the one that an upgrade puts in its place.
import { availableParallelism } from 'node:os';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { openSecuredWorld, type SecuredWorld } from '../security/attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: served }
rules:
  - name: id
    who: ["user:alice"]
    run: [{ command: /usr/bin/id, args: [-u] }]
    then: allow
`;

describeRoot('belayd and the start of a sudo', () => {
  let world: SecuredWorld;
  beforeAll(async () => { world = await openSecuredWorld(policy); });
  afterAll(async () => { await world?.close(); });

  /** Inodes that belayd has watched, as the kernel tells. */
  async function watched(): Promise<readonly number[]> {
    const told = await world.shell(`cat /proc/${await world.belayd.pid()}/fdinfo/* 2>/dev/null || true`);
    return Array.from(told.matchAll(/^inotify wd:\w+ ino:(\w+)/gm), (match) => Number.parseInt(match[1] as string, 16));
  }
  const sudo = async (): Promise<number> => Number(await world.shell('stat -c %i /usr/bin/sudo'));

  test('its file is watched once belayd has settled, and so is the file that replaces it', async () => {
    if (availableParallelism() === 1) return expect(await watched()).not.toContain(await sudo());
    const before = await sudo();
    await world.waitFor(async () => (await watched()).includes(before), { what: 'sudo to be watched', timeoutMs: 120_000 });
    expect((await world.sudo('alice', ['-n', 'id', '-u'])).code).toBe(0);
    await world.shell('cp --preserve=all /usr/bin/sudo /usr/bin/sudo.upgraded; mv /usr/bin/sudo.upgraded /usr/bin/sudo');
    const after = await sudo();
    expect(after).not.toBe(before);
    await world.waitFor(async () => (await watched()).includes(after), { what: 'the new sudo to be watched', timeoutMs: 120_000 });
    expect((await world.sudo('alice', ['-n', 'id', '-u'])).code).toBe(0);
    expect((await world.sudo('bob', ['-n', 'id', '-u'])).code).toBe(1);
  });
});
