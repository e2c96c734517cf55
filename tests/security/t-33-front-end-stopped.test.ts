// T-33. Attacker: alice, who stops or kills her front end between yes and exec, or after. Set-up: allows for a program that leaves a
// mark, for sleep, and one that asks for a reason.
// Procedure: signals from her at every step (while she is asked, at random moments after the start, while the command runs), Ctrl-Z and
// Ctrl-C at the terminal, a yes kept until it is old, and root's kill -9: nothing may have run that is not on record before it ran, and
// every intent has an outcome, `lost` where nobody knows.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { converse, likeSudo, rounds, startAttacker } from './attacker/attacker.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: signals }
rules:
  - name: mark and sleep
    who: ["user:alice"]
    run:
      - { command: /usr/local/sbin/mark, args: ["*"] }
      - { command: /usr/bin/sleep, args: ["*"] }
      - { command: /usr/bin/id }
    then: allow
  - name: with a reason
    who: ["user:alice"]
    run: [{ command: /usr/bin/whoami }]
    then: ask
    require: { reason: true }
`;

describeRoot('T-33 a front end that is stopped', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    await world.writeFile('/usr/local/sbin/mark', '#!/bin/sh\necho "$1" >>/var/log/marks\n', '0755');
    await world.writeFile('/var/log/marks', '');
  });
  afterAll(async () => { await world?.close(); });

  /** The pid of alice's sudo with this command line. */
  const pidOf = async (command: string): Promise<string> => await world.waitFor(async () => {
    const { stdout } = await world.run(['pgrep', '-o', '-x', '-f', command]);
    return stdout.trim() === '' ? undefined : stdout.trim();
  }, { what: `${command} to run` });

  /** belayd's local settings, in force: its greeting tells. */
  const usePam = async (pam: boolean): Promise<void> => {
    await world.writeFile('/etc/belay/agent.yaml', `sudo: { pamAccount: ${pam}, pamSession: ${pam} }\n`);
    const caller = await startAttacker(world, likeSudo(20001));
    await world.waitFor(async () => {
      const hello = await (await converse(caller)).next();
      return hello?.case === 'hello' && hello.value.pam === pam;
    }, { what: 'the setting to be in force' });
    await caller.kill();
  };

  test('her signals do not reach the front end once it asks her', async () => {
    const terminal = world.terminalAs('alice', ['sudo', 'whoami']);
    await terminal.expect(/reason/);
    const pid = await pidOf('sudo whoami');
    for (const signal of ['STOP', 'KILL', 'TERM', 'USR1', 'CONT']) {
      const killed = await world.runAs('alice', ['bash', '-c', `kill -${signal} ${pid}`]);
      expect({ signal, said: killed.stderr }).toEqual({ signal, said: expect.stringContaining('Operation not permitted') });
    }
    expect(/State:\s+(\w)/.exec(await world.readFile(`/proc/${pid}/status`))?.[1]).toBe('S');
    expect(/Uid:\s+(.*)/.exec(await world.readFile(`/proc/${pid}/status`))?.[1]).toBe('0\t0\t0\t0');
    terminal.answer('because I test it');
    await terminal.expect('root');
    expect((await terminal.ended()).code).toBe(0);
  });

  test('Ctrl-C at the question is a no, and Ctrl-Z leaves nothing that runs', async () => {
    const before = (await world.events()).filter((event) => event.type === 'elevation.intent').length;
    const interrupted = world.terminalAs('alice', ['sudo', 'whoami']);
    await interrupted.expect(/reason/);
    expect((await interrupted.interrupt()).code).not.toBe(0);
    const stopped = world.terminalAs('alice', ['bash', '-c', 'set -m; sudo whoami; echo "after $?"']);
    await stopped.expect(/reason/);
    stopped.type('\u001a');
    stopped.type('\u0003');
    stopped.process.signal('SIGKILL', { group: true });
    await stopped.process.ended;
    await world.shell('pkill -KILL -x -f "sudo whoami" || :');
    const events = await world.events();
    expect(events.filter((event) => event.type === 'elevation.intent')).toHaveLength(before);
    await world.eventOf((event) => event.type === 'elevation.denied');
  });

  test('a yes that is older than five seconds starts nothing', async () => {
    const alice = await startAttacker(world, likeSudo(20001));
    const talk = await converse(alice);
    await talk.next();
    talk.say({ case: 'sudoCheck', value: { mode: 1, argv: [Buffer.from('id')], typedPath: Buffer.from('/usr/bin/id'), executableOpen: true, executableFd: await alice.openFile('/usr/bin/id') } });
    const said = await talk.next();
    if (said?.case !== 'verdict') throw new Error(`belayd answered ${said?.case}`);
    expect(said.value).toMatchObject({ answer: 1, validMs: 5000 });
    // Not a pause: the verdict's life is the condition.
    const boot = async (): Promise<number> => Number((await world.readFile('/proc/uptime')).split(' ')[0]) * 1000;
    const until = (await boot()) + said.value.validMs + 50;
    await world.waitFor(async () => (await boot()) > until, { what: 'the verdict to grow old' });
    talk.say({ case: 'commit', value: { request: said.value.request, token: said.value.token } });
    expect(await talk.next()).toMatchObject({ case: 'commitAnswer', value: { answer: 2 } });
    const events = await world.events();
    expect(events.filter((event) => event.type === 'elevation.intent' && event.fields['request'] === Number(said.value.request))).toEqual([]);
    await alice.kill();
  });

  test('root\'s kill -9 of what keeps watch over a running command is recorded as lost', async () => {
    const running = world.spawnAs('alice', ['sudo', 'sleep', '123']);
    const pid = await pidOf('/usr/bin/sleep 123');
    expect(Number(pid)).toBeGreaterThan(0);
    const mine = await world.runAs('alice', ['bash', '-c', `kill -KILL ${await pidOf('sudo sleep 123')}`]);
    expect(mine.stderr).toContain('Operation not permitted');
    await world.shell(`kill -KILL ${await pidOf('sudo sleep 123')}`);
    const { fields } = await world.eventOf((event) => event.type === 'elevation.outcome' && event.fields['end'] === 'lost');
    await world.shell(`kill -KILL ${pid}`);
    await running.ended;
    expect((await world.events()).filter((event) => event.type === 'elevation.outcome').at(-1)?.fields).toEqual(fields);
  });

  test('Ctrl-C at the running command is an outcome like any other', async () => {
    const terminal = world.terminalAs('alice', ['sudo', 'sleep', '124']);
    await pidOf('/usr/bin/sleep 124');
    terminal.type('\u0003');
    await terminal.ended();
    await world.eventOf((event) => event.type === 'elevation.outcome' && event.fields['end'] === 'signaled' && event.fields['value'] === 2);
  });

  test('without PAM the yes is the go, and the intent is on record before it', async () => {
    await usePam(false);
    expect(await world.sudo('alice', ['mark', 'at-once'])).toMatchObject({ code: 0 });
    const isOurs = ({ fields }: { readonly fields: Record<string, unknown> }) => (fields['argv'] as Uint8Array[]).some((bytes) => Buffer.from(bytes).toString() === 'at-once');
    const intent = await world.eventOf((event) => event.type === 'elevation.intent' && isOurs(event));
    const outcome = await world.eventOf((event) => event.type === 'elevation.outcome' && event.fields['request'] === intent.fields['request']);
    expect(outcome.fields).toMatchObject({ end: 'exited', value: 0 });
    await usePam(true);
  });

  test('killed and stopped at random moments, many times: what ran is on record, and no intent is left open', async () => {
    const count = rounds(150, 10_000);
    const script = `
      for i in $(seq ${count}); do
        sudo -n mark $i >/dev/null 2>&1 & pid=$!
        for n in $(seq $((RANDOM % 400))); do :; done
        case $((i % 3)) in 0) kill -KILL $pid ;; 1) kill -STOP $pid; kill -KILL $pid ;; 2) kill -STOP $pid; kill -CONT $pid ;; esac 2>/dev/null
        wait $pid
      done 2>/dev/null`;
    const ran = await world.runAs('alice', ['bash', '-c', script], { timeoutMs: 30_000 + count * 2000 });
    expect(ran.code).not.toBeNull();
    const events = await world.waitFor(async () => {
      const all = await world.events();
      const closed = new Set(all.filter((event) => event.type === 'elevation.outcome').map((event) => event.fields['request']));
      return all.filter((event) => event.type === 'elevation.intent').every((event) => closed.has(event.fields['request'])) ? all : undefined;
    }, { what: 'an outcome for every intent' });
    const intended = events.filter((event) => event.type === 'elevation.intent').flatMap((event) => (event.fields['argv'] as Uint8Array[]).map((bytes) => Buffer.from(bytes).toString()));
    const marks = (await world.readFile('/var/log/marks')).trim().split('\n').filter(Boolean);
    expect(marks.length).toBeGreaterThan(0);
    expect(marks.length).toBeLessThan(count);
    expect(marks.filter((mark) => !intended.includes(mark))).toEqual([]);
  });
});
