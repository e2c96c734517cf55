// What a yes lays on the command, by real sudo: the environment, the umask, the directory, pinned bytes, what the SOC is told, and
// what happens when evidence cannot be written.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openSecuredWorld, type SecuredWorld } from '../security/attacker/secured-world.ts';
import { describeRoot } from '../support/world.ts';

const who = 'who: ["user:alice"]';
const policy = (rules: string): string => `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: work }\nrules:\n${rules}`;

describeRoot('what a yes lays on the command', () => {
  let world: SecuredWorld;
  afterAll(async () => await world?.close());

  const variables = (given: Readonly<Record<string, string>>, args: readonly string[]) =>
    world.runAs('alice', ['env', ...Object.entries(given).map(([name, value]) => `${name}=${value}`), 'sudo', '-n', ...args]);
  const lines = (text: string, ...names: readonly string[]): readonly string[] => text.split('\n').filter((line) => names.some((name) => line.startsWith(`${name}=`))).sort();

  beforeAll(async () => {
    world = await openSecuredWorld(policy(`
  - name: the cluster
    ${who}
    run: [{ command: /usr/bin/env, args: [] }]
    then: allow
    limits: { environment: { keep: [KUBECONFIG, "AWS_*", "L*"], set: { DEBUG: "1", GREETING: "grüße" } } }
  - name: only with our configuration
    ${who}
    run: [{ command: /usr/bin/printenv, args: [] }]
    env: { KUBECONFIG: /etc/kube/*, NOT_HERE: null }
    then: allow
    limits: { environment: { keep: [KUBECONFIG, NOT_HERE] } }
  - name: sets what no rule may
    ${who}
    run: [{ command: /usr/bin/true, args: [path] }]
    then: allow
    limits: { environment: { set: { PATH: /tmp } } }
  - name: closed files
    ${who}
    run: [{ command: /usr/bin/touch, args: ["*"] }]
    then: allow
    limits: { umask: "077" }
  - name: in its own folder
    ${who}
    run: [{ command: /usr/bin/pwd, args: [] }]
    then: allow
    limits: { cwd: /srv/work }
  - name: in a folder that is not there
    ${who}
    run: [{ command: /usr/bin/ls, args: [missing] }]
    then: allow
    limits: { cwd: /srv/missing }
  - name: in a folder of bob's
    ${who}
    run: [{ command: /usr/bin/ls, args: [bobs] }]
    then: allow
    limits: { cwd: /home/bob }
  - name: loud
    ${who}
    run: [{ command: /usr/bin/id, args: [-u] }]
    then: allow
    alert: high
  - name: loud with a reason
    ${who}
    run: [{ command: /usr/bin/id, args: [-g] }]
    then: ask
    require: { reason: true }
    alert: low
  - name: never
    run: [{ command: /usr/bin/dmesg }]
    then: deny
    alert: true
`));
    await world.shell('mkdir -p /srv/work && chmod 0755 /srv/work');
  });

  describe('environment', () => {
    test('what the rule keeps and sets is there, and nothing else of the caller\'s', async () => {
      const { code, stdout } = await variables({ KUBECONFIG: '/home/alice/kube', AWS_PROFILE: 'prod', OTHER: 'x', LD_LIBRARY_PATH: '/home/alice', LESSOPEN: '|id', LC_ALL: '../../x' }, ['env']);
      expect({ code, kept: lines(stdout, 'KUBECONFIG', 'AWS_PROFILE', 'OTHER', 'LD_LIBRARY_PATH', 'LESSOPEN', 'LC_ALL', 'DEBUG', 'GREETING', 'PATH') }).toEqual({
        code: 0,
        kept: ['AWS_PROFILE=prod', 'DEBUG=1', 'GREETING=grüße', 'KUBECONFIG=/home/alice/kube', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
      });
      const intent = await world.eventOf(({ type }) => type === 'elevation.intent');
      expect(intent.fields['rules']).toEqual(['work/the cluster']);
    });

    test('what was asked for by name comes with the rule that keeps it, and is refused by its name without', async () => {
      expect((await variables({ KUBECONFIG: '/x' }, ['--preserve-env=KUBECONFIG', 'env'])).stdout).toContain('KUBECONFIG=/x\n');
      expect((await world.sudo('alice', ['-n', 'AWS_REGION=eu', 'env'])).stdout).toContain('AWS_REGION=eu\n');
      for (const args of [['OTHER=1', 'env'], ['PATH=/tmp', 'env'], ['SUDO_USER=bob', 'env'], ['KUBECONFIG=/x', 'id', '-u']]) {
        const ran = await world.sudo('alice', ['-n', ...args]);
        expect({ args, code: ran.code, stdout: ran.stdout }).toEqual({ args, code: 1, stdout: '' });
        expect(ran.stderr).toMatch(new RegExp(`variable ${(args[0] as string).split('=')[0]} cannot be kept or set: the rule "work/`));
      }
    });

    test('a rule may ask for the value of a variable that it keeps', async () => {
      expect(await variables({ KUBECONFIG: '/etc/kube/prod' }, ['printenv'])).toMatchObject({ code: 0, stdout: expect.stringContaining('KUBECONFIG=/etc/kube/prod\n') });
      expect(await variables({ KUBECONFIG: '/home/alice/kube' }, ['printenv'])).toMatchObject({ code: 1, stdout: '' });
      expect(await variables({}, ['printenv'])).toMatchObject({ code: 1, stdout: '' });
      expect(await variables({ KUBECONFIG: '/etc/kube/prod', NOT_HERE: '1' }, ['printenv'])).toMatchObject({ code: 1, stdout: '' });
    });

    test('a rule that sets what no rule may set allows nothing', async () => {
      const ran = await world.sudo('alice', ['-n', 'true', 'path']);
      expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 1, stderr: expect.stringContaining('needs "limits.environment.set: PATH"') });
    });
  });

  test('umask: bits are added to the caller\'s', async () => {
    await world.runAs('alice', ['sh', '-c', 'umask 002; sudo -n touch /tmp/closed']);
    expect((await world.shell('stat -c %a /tmp/closed')).trim()).toBe('600');
  });

  describe('directory', () => {
    test('it runs in the rule\'s folder, wherever it was asked for', async () => {
      expect(await world.sudo('alice', ['-n', 'pwd'], { cwd: '/home/alice' })).toMatchObject({ code: 0, stdout: '/srv/work\n' });
      expect(await world.sudo('alice', ['-n', '-D', '/etc', 'pwd'])).toMatchObject({ code: 0, stdout: '/srv/work\n' });
    });

    test.each([['missing', '/srv/missing'], ['bobs', '/home/bob']])('a folder that is %s is refused, and named', async (which, folder) => {
      const ran = await world.sudo('alice', ['-n', 'ls', which]);
      expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 1, stdout: '' });
      expect(ran.stderr).toContain(`runs this in ${folder}, which is no folder of root's`);
    });
  });

  test('alert: said in the intent, in the refusal of a yes that came to nothing, and in a denial; elsewhere not', async () => {
    const newest = async () => (await world.events()).findLast(({ type }) => type === 'elevation.intent' || type === 'elevation.denied');
    const after = async (...args: readonly string[]) => {
      await world.sudo('alice', ['-n', ...args]);
      await world.waitFor(async () => ((await newest())?.seq ?? 0) > seen, { what: 'the event' });
      const event = await newest();
      seen = event?.seq ?? 0;
      return [event?.type, event?.fields['alert'], event?.fields['why']];
    };
    let seen = (await newest())?.seq ?? 0;
    expect(await after('id', '-u')).toEqual(['elevation.intent', 'high', undefined]);
    expect(await after('id', '-g')).toEqual(['elevation.denied', 'low', 'reason-refused']);
    expect(await after('dmesg')).toEqual(['elevation.denied', 'medium', 'denied-by-rule']);
    expect(await after('pwd')).toEqual(['elevation.intent', undefined, undefined]);
    expect(await after('chown')).toEqual(['elevation.denied', undefined, 'no-rule']);
  });
});

describeRoot('pinned bytes', () => {
  let world: SecuredWorld;
  const content = '#!/bin/sh\necho script\n';
  const digest = createHash('sha256').update(content).digest('hex');
  beforeAll(async () => {
    world = await openSecuredWorld(policy(`
  - name: nothing
    run: any
    then: deny
`));
    await world.shell('install -m 0755 /usr/bin/readlink /opt/tool; install -m 0755 -o alice /usr/bin/readlink /home/alice/tool');
    await world.writeFile('/opt/script', content, '0755');
    const tool = (await world.shell('sha256sum /opt/tool')).slice(0, 64);
    await world.fleet.publish({ 'policy.yaml': policy(`
  - name: the very tool
    ${who}
    run: [{ sha256: ["${tool}"], args: ["**"] }]
    then: allow
  - name: the very script
    ${who}
    run: [{ command: /opt/script, sha256: ["${digest}"] }]
    then: allow
`) });
  });
  afterAll(async () => await world?.close());

  const exeOf = async (path: string) => {
    const { code, stdout } = await world.sudo('alice', ['-n', path, '/proc/self/exe']);
    return { code, exe: stdout.trim() };
  };

  test('a program of root\'s runs as the file it is, again and again; one of her own from a sealed copy', async () => {
    for (let round = 0; round < 3; round++) expect(await exeOf('/opt/tool')).toEqual({ code: 0, exe: '/opt/tool' });
    expect(await exeOf('/home/alice/tool')).toEqual({ code: 0, exe: expect.stringContaining('memfd:belay') });
    const intents = (await world.events()).filter(({ type }) => type === 'elevation.intent');
    expect(new Set(intents.map(({ fields }) => fields['sha256'])).size).toBe(1);
  });

  test('one byte more, and it is another program', async () => {
    await world.shell('cp -p /opt/tool /opt/tool.good; printf x >>/opt/tool');
    expect(await exeOf('/opt/tool')).toEqual({ code: 1, exe: '' });
    await world.shell('mv /opt/tool.good /opt/tool');
    expect(await exeOf('/opt/tool')).toEqual({ code: 0, exe: '/opt/tool' });
  });

  test('a pinned script runs from its sealed copy, whosever it is', async () => {
    expect(await world.sudo('alice', ['-n', '/opt/script'])).toMatchObject({ code: 0, stdout: 'script\n' });
  });
});

describeRoot('a disk that is full', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy(`
  - name: not without evidence
    ${who}
    run: [{ command: /usr/bin/id, args: [-u] }, { command: /usr/bin/true, args: ["**"] }]
    then: allow
  - name: evidence may wait
    ${who}
    run: [{ command: /usr/bin/printenv, args: ["**"] }]
    then: allow
    onFailure: { diskFull: spool }
  - name: evidence may be lost
    ${who}
    run: [{ command: /usr/bin/pwd, args: [] }]
    then: allow
    onFailure: { diskFull: allow }
`), { ownDisk: true });
  });
  afterAll(async () => await world?.close());

  const intents = async (): Promise<readonly unknown[]> => (await world.events()).filter(({ type }) => type === 'elevation.intent').map(({ fields }) => (fields['rules'] as readonly string[])[0]);

  test('deny refuses; spool and allow go on, and their intents are written when there is room again', async () => {
    const isFull = (...args: readonly string[]) => async () => {
      const ran = await world.sudo('alice', ['-n', ...args]);
      return ran.code === 0 ? undefined : ran;
    };
    // The journal takes blocks ahead as long as there are any: a restart on a small disk, so that there are few. What its commit log
    // has room for is durable, so it still goes on, until the store has refused.
    await world.belayd.stop();
    await world.shell('mount -o remount,size=$(($(df --output=used -k /var/lib/belay | tail -n 1) + 400))k /var/lib/belay');
    await world.belayd.start();
    await world.fleet.reconnect();
    await world.waitFor(isFull('true', 'x'.repeat(50_000)), { what: 'the disk to be nearly full' });
    const denied = await world.waitFor(isFull('id', '-u'), { what: 'the disk to be full' });
    expect(denied).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('evidence cannot be written') });
    const before = await intents();
    expect(await world.sudo('alice', ['-n', 'printenv', 'PATH'])).toMatchObject({ code: 0 });
    expect(await world.sudo('alice', ['-n', 'pwd'])).toMatchObject({ code: 0 });
    expect((await world.status()).problems.join()).toContain('events are kept in memory');
    expect(await world.sudo('alice', ['-n', 'id', '-u'])).toMatchObject({ code: 1, stdout: '' });
    expect(await intents()).toEqual(before);
    await world.shell('mount -o remount,size=64m /var/lib/belay');
    const spooled = ['work/evidence may wait', 'work/evidence may be lost'];
    await world.waitFor(async () => (await intents()).at(-1) === spooled[1], { what: 'the spooled intents' });
    expect((await intents()).slice(before.length).filter((rule) => rule !== 'work/not without evidence')).toEqual(spooled);
    expect(await world.sudo('alice', ['-n', 'id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
    expect((await world.status()).problems.join()).not.toContain('memory');
    const pressure = await world.eventOf(({ type }) => type === 'journal.pressure');
    expect(pressure.fields).toMatchObject({ refused: expect.any(Number) });
    expect(pressure.fields['lost']).toBeUndefined();
  });
});
