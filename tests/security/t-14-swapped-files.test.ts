// T-14. Attacker: alice, who swaps what her path leads to between the check and the run; and, as the worst case, a program of root's
// that swaps the allowed file itself while its content is pinned. Set-up: a good and an evil program; an allow for the good one by its
// path, and one by path and SHA-256.
// Procedure: a swapper exchanges the two as fast as it can (link, folder, rename, overwriting in place, bind mount) while real sudo runs
// again and again (10 000 times in the soak): evil must never run, and good must have run, or the race was never on.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { rounds } from './attacker/attacker.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

// As long as each other, so that overwriting in place is one write; scripts, so that what ran says so.
const good = '#!/bin/sh\necho GOOD $(id -u)\n';
const evil = '#!/bin/sh\necho EVIL $(id -u)\n';
const digest = createHash('sha256').update(good).digest('hex');

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: swaps }
rules:
  - name: by path
    who: ["user:alice"]
    run: [{ command: /opt/safe/good }]
    then: allow
  - name: by content
    who: ["user:alice"]
    run: [{ command: /opt/pinned/tool, sha256: ["${digest}"] }]
    then: allow
`;

const swappers = {
  'a link of hers': { as: 'alice', path: '/home/alice/link', loop: 'ln -sfn /opt/safe/good .a; mv -T .a link; ln -sfn /opt/safe/evil .b; mv -T .b link; ln -sfn /home/alice/evil .c; mv -T .c link' },
  'a folder on the way': { as: 'alice', path: '/home/alice/way/good', loop: 'ln -sfn /opt/safe .d; mv -T .d way; ln -sfn /home/alice/folder .e; mv -T .e way' },
  'the pinned file by rename': { as: 'root', path: '/opt/pinned/tool', loop: 'cp -p good .f; mv -T .f tool; cp -p evil .g; mv -T .g tool' },
  'the pinned file in place': { as: 'root', path: '/opt/pinned/tool', loop: 'dd if=evil of=tool conv=notrunc status=none; dd if=good of=tool conv=notrunc status=none' },
  'the pinned file by a bind mount': { as: 'root', path: '/opt/pinned/tool', loop: 'mount --bind evil tool; umount -l tool' },
} as const;

describeRoot('T-14 swapped files', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    for (const [path, content] of [['/opt/safe/good', good], ['/opt/safe/evil', evil], ['/opt/pinned/good', good], ['/opt/pinned/evil', evil], ['/opt/pinned/tool', good], ['/home/alice/evil', evil], ['/home/alice/folder/good', evil]] as const) {
      await world.writeFile(path, content, '0755');
    }
    await world.shell('chown -R alice:alice /home/alice');
    await world.runAs('alice', ['sh', '-euc', 'ln -s /opt/safe/good link; ln -s /opt/safe way']);
    await world.reloadPolicy();
  });
  afterAll(async () => { await world?.close(); });

  test('without a swapper each path runs the good program, and evil ones are refused', async () => {
    for (const path of ['/home/alice/link', '/home/alice/way/good', '/opt/pinned/tool']) {
      expect({ path, ...(await world.sudo('alice', ['-n', path])) }).toMatchObject({ path, code: 0, stdout: 'GOOD 0\n' });
    }
    for (const path of ['/opt/safe/evil', '/home/alice/evil', '/opt/pinned/evil']) {
      expect({ path, ...(await world.sudo('alice', ['-n', path])) }).toMatchObject({ path, code: 1, stdout: '' });
    }
  });

  test.each(Object.entries(swappers))('while %s is swapped, only the good program ever runs', async (_name, { as, path, loop }) => {
    const swapper = world.spawnAs(as, ['bash', '-c', `cd "$(dirname ${path})"; [ ${as} = root ] || cd /home/alice; while :; do ${loop}; done`]);
    const count = rounds(40, 10_000);
    const heard = new Set<string>();
    const isOn = (): boolean => heard.has('GOOD 0') && heard.has('refused');
    // On a busy machine a swap falls into nearly every run, or into hardly any.
    for (let batch = 0; batch < 10 && !isOn(); batch++) {
      const seen = await world.runAs('alice', ['bash', '-c', `for i in $(seq ${count}); do sudo -n ${path} 2>/dev/null || echo refused; done | sort -u`], { timeoutMs: 30_000 + count * 2000 });
      for (const line of seen.stdout.trim().split('\n')) heard.add(line);
    }
    swapper.signal('SIGKILL', { group: true });
    await swapper.ended;
    await world.shell('umount -l /opt/pinned/tool 2>/dev/null || :; cp -p /opt/pinned/good /opt/pinned/tool');
    expect([...heard].toSorted()).toEqual(['GOOD 0', 'refused']);
  });
});
