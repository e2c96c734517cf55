// Monitor mode: sudoers is sudo's policy plugin as before, Belay's audit plugin beside it tells belayd what was asked and what sudoers
// answered, and belayd records what it would have decided. Real sudo, real sudoers, real belayd.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { byteStringOf } from '../../core/src/bytes.ts';
import { openSecuredWorld, type SecuredWorld } from '../security/attacker/secured-world.ts';
import { worldRepo } from '../support/world/place.ts';
import { describeRoot } from '../support/world/root-only.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: trial }
mode: monitor
rules:
  - { name: who am I, who: ["user:alice"], run: [{ command: /usr/bin/id, args: ["-u"] }], then: allow }
  - { name: with a reason, who: ["user:alice"], run: [{ command: /usr/bin/whoami }], then: ask, require: { reason: true } }
  - { name: never, who: ["user:alice"], run: [{ command: /usr/bin/env }], then: deny }
  - { name: as bob, who: ["user:alice"], run: [{ command: /usr/bin/id }], as: { user: bob }, then: allow }
`;
const sudoers = 'alice ALL=(ALL) NOPASSWD: /usr/bin/id, /usr/bin/whoami, /usr/bin/env\n';

describeRoot('monitor mode', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    await world.shell(`install -m 0644 ${worldRepo}/agent/native/sudo-plugin/sudo-monitor.conf /etc/sudo.conf`);
    await world.writeFile('/etc/sudoers', sudoers, '0440');
  });
  afterAll(async () => { await world?.close(); });

  /** What is on record of it; sudo does not wait for a belayd that is busy, so it is run until there is. */
  const observed = async (run: () => Promise<void>, command: string, last: string | undefined) => await world.waitFor(async () => {
    await run();
    const event = await world.waitFor(async () => (await world.events()).findLast(({ type, fields }) => type === 'elevation.observed' && text(fields['command']) === command && (last === undefined || textsOf(fields['argv']).at(-1) === last)), { timeoutMs: 3000 }).catch(() => undefined);
    if (event === undefined) return undefined;
    const { seen, would, why, rules, user, runAsUid } = event.fields;
    return { seen, would, why, rules, user, runAsUid };
  }, { what: 'the record' });

  test.each([
    ['what both allow', ['id', '-u'], '/usr/bin/id', '-u', { code: 0, stdout: '0\n' }, { seen: 'allowed', would: 'allow', why: undefined, rules: ['trial/who am I'], user: 'alice', runAsUid: 0 }],
    ['what policy would not allow', ['id', '-g'], '/usr/bin/id', '-g', { code: 0, stdout: '0\n' }, { seen: 'allowed', would: 'deny', why: 'no-rule', rules: [] }],
    ['what policy would deny by rule', ['env'], '/usr/bin/env', undefined, { code: 0 }, { seen: 'allowed', would: 'deny', why: 'denied-by-rule', rules: ['trial/never'] }],
    ['what policy would ask for', ['whoami'], '/usr/bin/whoami', undefined, { code: 0, stdout: 'root\n' }, { seen: 'allowed', would: 'ask', rules: ['trial/with a reason'] }],
    ['what runs as somebody else', ['-u', 'bob', 'id', '-un'], '/usr/bin/id', '-un', { code: 0, stdout: 'bob\n' }, { seen: 'allowed', would: 'allow', rules: ['trial/as bob'] }],
    ['what sudoers refuses', ['cat', '/etc/shadow'], '/usr/bin/cat', '/etc/shadow', { code: 1, stdout: '' }, { seen: 'refused', would: 'deny', why: 'no-rule' }],
  ])('%s: sudoers decides, and both answers are recorded', async (_name, words, command, last, ran, event) => {
    const runs = async (): Promise<void> => expect(await world.sudo('alice', ['-n', ...words])).toMatchObject(ran);
    expect(await observed(runs, command, last)).toMatchObject(event);
  });

  test('a list is no request', async () => {
    const before = (await world.events()).length;
    expect(await world.sudo('alice', ['-n', '-l'])).toMatchObject({ code: 0 });
    expect(await world.sudo('alice', ['-n', '-l', 'id', '-u'])).toMatchObject({ code: 0 });
    await world.sudo('alice', ['-n', '-v']);
    // Events are in order, so what these had left would be before the next.
    await observed(async () => void (await world.sudo('alice', ['-n', 'id', '-Gn', 'root'])), '/usr/bin/id', 'root');
    expect(new Set((await world.events()).slice(before).filter(({ type }) => type === 'elevation.observed').map(({ fields }) => textsOf(fields['argv']).join(' ')))).toEqual(new Set(['-Gn root']));
  });

  test('nobody is asked anything and nothing is refused by it, and belayd writes no intent', async () => {
    expect(await world.sudo('alice', ['-n', 'whoami'])).toMatchObject({ code: 0, stderr: '' });
    expect((await world.fleet.events()).filter(({ type }) => type === 'elevation.intent')).toEqual([]);
  });

  test('without belayd sudo goes on, and syslog says that nothing was recorded', async () => {
    await world.belayd.stop();
    expect(await world.sudo('alice', ['-n', 'id', '-u'])).toMatchObject({ code: 0, stdout: '0\n', stderr: '' });
    await world.waitFor(async () => (await world.readFile('/var/log/syslog-of-world')).includes('belayd did not take the record'), { what: 'the line in syslog' });
  });

  test('once Belay is the policy plugin, a policy in monitor mode binds nobody and permits nothing', async () => {
    await world.belayd.start();
    await world.fleet.reconnect();
    await world.shell(`install -m 0644 ${worldRepo}/agent/native/sudo-plugin/sudo.conf /etc/sudo.conf`);
    expect(await world.sudo('alice', ['-n', 'id', '-u'])).toMatchObject({ code: 1, stdout: '' });
  });
});

function text(value: unknown): string {
  return value instanceof Uint8Array ? byteStringOf(value) : '';
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(text) : [];
}

const enforced = `
apiVersion: belay/v1
kind: Policy
metadata: { name: base }
rules:
  - { name: who am I, who: ["user:alice"], run: [{ command: /usr/bin/id }, { command: /usr/bin/whoami }], then: allow }
---
apiVersion: belay/v1
kind: Policy
metadata: { name: next }
mode: monitor
rules:
  - { name: no longer, who: ["user:alice"], run: [{ command: /usr/bin/id, args: ["-g"] }], then: deny }
  - { name: soon, who: ["user:alice"], run: [{ command: /usr/bin/env }], then: allow }
`;

describeRoot('policies in monitor mode beside others that are enforced', () => {
  let world: SecuredWorld;
  beforeAll(async () => { world = await openSecuredWorld(enforced); });
  afterAll(async () => { await world?.close(); });

  test('they bind nobody, and where they would make a difference that is on record', async () => {
    expect(await world.sudo('alice', ['-n', 'id', '-g'])).toMatchObject({ code: 0, stdout: '0\n' });
    expect(await world.sudo('alice', ['-n', 'env'])).toMatchObject({ code: 1, stdout: '' });
    expect(await world.sudo('alice', ['-n', 'whoami'])).toMatchObject({ code: 0, stdout: 'root\n' });
    const last = await world.eventOf(({ type, fields }) => type === 'elevation.intent' && text(fields['command']) === '/usr/bin/whoami');
    const events = (await world.events()).filter(({ type }) => type === 'elevation.observed').map(({ fields: { seen, would, why, rules } }) => ({ seen, would, why, rules }));
    expect(events).toEqual([
      { seen: 'allowed', would: 'deny', why: 'denied-by-rule', rules: ['next/no longer'] },
      { seen: 'refused', would: 'allow', why: undefined, rules: ['next/soon'] },
    ]);
    expect(last.fields['rules']).toEqual(['base/who am I']);
  });
});
