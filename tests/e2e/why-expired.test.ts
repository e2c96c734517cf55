// A policy that has expired: what it did to an answer is told by `belay why`, and what it does to all of them by `belay status`.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openSecuredWorld, type SecuredWorld } from '../security/attacker/secured-world.ts';
import { describeRoot } from '../support/world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: office }
rules:
  - { name: who am I, who: ["user:alice"], run: [{ command: /usr/bin/id }], then: allow }
  - { name: the time, who: ["user:alice"], run: [{ command: /usr/bin/date }], then: allow, onFailure: { manifestExpired: allow } }
`;

describeRoot('an expired policy', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    const { fleet } = world;
    const answer = await fleet.deliverManifest(fleet.manifestEnvelope({ number: fleet.newest().number + 1, expiresAt: Date.now() + 5000 }));
    expect(answer.accepted).toBe(true);
    await world.waitFor(async () => (await world.status()).problems.some((problem) => problem.startsWith('The policy has expired')), { what: 'the policy to expire' });
  });
  afterAll(async () => { await world?.close(); });

  test('status says what it refuses because of that and what to do, and ends with its code', async () => {
    const ran = await world.belay(['status']);
    expect(ran.code).toBe(8);
    expect(ran.stdout).toMatch(/^Policy {5}number \d+, issued .* ago, EXPIRED \d+ s ago$/m);
    expect(ran.stdout).toMatch(/^Rules {6}2 that allow or ask, 1 of them lapsed: what they would allow is refused$/m);
    expect(ran.stdout).toMatch(/^Problem {4}The policy has expired: 1 of 2 rules that allow or ask do not hold until a new one comes\. Connect this device to its server; check the clock\.$/m);
  });

  test('why tells the requester that no policy holds, and root which rule would have', async () => {
    expect(await world.sudo('alice', ['-n', 'date', '+x'])).toMatchObject({ code: 0, stdout: 'x\n' });
    expect(await world.sudo('alice', ['-n', 'id'])).toMatchObject({ code: 1, stdout: '' });
    const mine = await world.runAs('alice', ['belay', 'why']);
    expect(mine).toMatchObject({ code: 0, stderr: '' });
    expect(mine.stdout).toMatch(/^Request \d+ of alice: refused/);
    expect(mine.stdout).toMatch(/^Policy {5}number \d+, issued .* ago, EXPIRED/m);
    expect(mine.stdout).not.toContain('office/');
    const roots = await world.belay(['why', '--user', 'alice']);
    expect(roots.stdout).toMatch(/office\/who am I: allow: does not hold\n(?: {4}✓ .*\n)* {4}✗ failure +the policy has not expired\n +found: the policy has expired\n/);
    expect((await world.runAs('alice', ['belay', 'list'])).stdout).toMatch(/\/usr\/bin\/date\n(?!.*\/usr\/bin\/id)/s);
  });
});
