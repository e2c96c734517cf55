// T-15. Attacker: somebody who may change a script after its hash was taken, while it runs or while sudo starts it. Set-up: a script
// that is allowed by its SHA-256 only, which waits in its middle for a pipe.
// Procedure: start it, see it wait, then change the file (in place, by rename, by truncation); what goes on running must be the hashed
// bytes. Then the changed file must be refused, and one byte's difference with it.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const script = '#!/bin/bash\necho "begun by $(id -u)"\nread -r line </opt/scripts/pipe\necho "GOOD end, $# arguments: $1"\n';
const changed = script.replace('GOOD end', 'EVIL end');
const digest = createHash('sha256').update(script).digest('hex');
const interpreted = '#!/opt/venv/sh\necho "run by $(id -u)"\n';
const interpretedDigest = createHash('sha256').update(interpreted).digest('hex');

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: scripts }
rules:
  - name: the hashed script
    who: ["user:alice"]
    run: [{ command: /opt/scripts/job, args: ["*"], sha256: ["${digest}"] }]
    then: allow
  - name: a script with an interpreter of its own
    who: ["user:alice"]
    run: [{ command: /opt/scripts/interpreted, sha256: ["${interpretedDigest}"] }]
    then: allow
  - name: the hashed script wherever it is
    who: ["user:bob"]
    run: [{ sha256: ["${digest}"], args: ["*"] }]
    then: allow
`;

describeRoot('T-15 pinned scripts', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    await world.shell('mkdir -p /opt/scripts; mkfifo /opt/scripts/pipe');
  });
  afterAll(async () => { await world?.close(); });

  const changes = {
    'overwritten in place': 'dd if=/opt/scripts/changed of=/opt/scripts/job conv=notrunc status=none',
    'replaced by rename': 'cp -p /opt/scripts/changed /opt/scripts/.job; mv /opt/scripts/.job /opt/scripts/job',
    'cut and written anew': 'cat /opt/scripts/changed >/opt/scripts/job',
  };

  test.each(Object.entries(changes))('a script that is %s while it runs goes on as it was hashed', async (_name, change) => {
    await world.writeFile('/opt/scripts/job', script, '0755');
    await world.writeFile('/opt/scripts/changed', changed, '0755');
    const running = world.spawnAs('alice', ['sudo', '-n', '/opt/scripts/job', 'a b']);
    await world.waitFor(() => running.output().stdout === 'begun by 0\n' || running.hasEnded(), { what: 'the script to wait' });
    expect(running.output()).toEqual({ stdout: 'begun by 0\n', stderr: '' });
    await world.shell(change);
    await world.shell('timeout 5 sh -c "echo go >/opt/scripts/pipe"');
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(running.output().stdout).toBe('begun by 0\nGOOD end, 1 arguments: a b\n');
    expect(await world.sudo('alice', ['-n', '/opt/scripts/job', 'a b'])).toMatchObject({ code: 1, stdout: '' });
  });

  test('one byte more, fewer or other is another script', async () => {
    for (const content of [`${script}\n`, script.slice(0, -1), script.replace('begun', 'begum'), '', `\n${script}`]) {
      await world.writeFile('/opt/scripts/job', content, '0755');
      expect({ content, ...(await world.sudo('alice', ['-n', '/opt/scripts/job', 'x'])) }).toMatchObject({ content, code: 1, stdout: '' });
    }
  });

  test('a hash pins the script and not its interpreter: one that she can change does not run it', async () => {
    await world.writeFile('/opt/scripts/interpreted', interpreted, '0755');
    await world.shell('mkdir -p /opt/venv; cp /bin/sh /opt/venv/sh');
    expect(await world.sudo('alice', ['-n', '/opt/scripts/interpreted'])).toMatchObject({ code: 0, stdout: 'run by 0\n' });
    for (const weaken of ['chown alice /opt/venv/sh', 'chown root /opt/venv/sh; chown alice /opt/venv', 'chown root /opt/venv; chgrp developers /opt/venv/sh; chmod 0775 /opt/venv/sh']) {
      await world.shell(weaken);
      expect({ weaken, ...(await world.sudo('alice', ['-n', '/opt/scripts/interpreted'])) }).toMatchObject({ weaken, code: 1, stdout: '' });
    }
  });

  test('the record of what ran holds the hash of what ran', async () => {
    const intents = (await world.events()).filter((event) => event.type === 'elevation.intent');
    expect([...new Set(intents.map((event) => event.fields['sha256']))]).toEqual([digest, interpretedDigest]);
  });
});
