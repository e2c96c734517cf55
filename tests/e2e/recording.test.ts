// `record: session` by real sudo and belayd: what is in a recording, what never is, how it ends, and what binds it to the evidence.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { withRecording } from '../security/attacker/work-policies.ts';
import { openSecuredWorld, type SecuredWorld } from '../security/attacker/secured-world.ts';
import type { SecurityEvent } from '../security/attacker/own-fleet.ts';
import { describeRoot } from '../support/world.ts';

const policy = withRecording(`  - name: recorded as bob
    who: ["user:alice"]
    run: [{ command: /usr/bin/bash }]
    as: { users: [bob] }
    then: allow
    record: session
  - name: not recorded
    who: ["user:alice"]
    run: [{ command: /usr/bin/cat }]
    then: allow
`);

type Frame = { readonly kind: string; readonly atUs: number; readonly base64?: string; readonly lines?: number };

describeRoot('a recorded session', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy, { agentConfig: 'recording: { maxSessionBytes: 1048576 }\n' });
    // One binary by two paths would be one rule: they are two files here.
    await world.shell('rm -f /usr/bin/sh && cp /usr/bin/dash /usr/bin/sh && chmod 0755 /usr/bin/sh');
    await world.reloadPolicy();
  });
  afterAll(async () => await world?.close());

  /** Of the recorded session that was told of in this output. */
  const outcomeIn = async (output: string): Promise<SecurityEvent> => {
    const number = Number(/this session is recorded \(request #(\d+)\)/.exec(output)?.[1]);
    return await world.eventOf(({ type, fields }) => type === 'elevation.outcome' && fields['request'] === number);
  };
  const request = (event: SecurityEvent): string => String(event.fields['request']);
  const framesOf = async (event: SecurityEvent): Promise<readonly Frame[]> => {
    const ran = await world.belay(['recording', 'replay', '--json', request(event)]);
    return ran.stdout.trim().split('\n').map((line) => JSON.parse(line) as Frame);
  };
  const bytesOf = (frames: readonly Frame[], kind: string): string => Buffer.concat(frames.filter((frame) => frame.kind === kind).map(({ base64 = '' }) => Buffer.from(base64, 'base64'))).toString('latin1');
  const bond = ({ fields }: SecurityEvent): readonly string[] => ['--hash', Buffer.from(fields['recordingHash'] as Uint8Array).toString('hex'), '--bytes', String(fields['recordingBytes'])];

  test('holds every byte that the person saw and typed, but nothing that was typed while the terminal did not echo', async () => {
    const terminal = world.terminalAs('alice', ['sudo', 'sh'], { env: { PS1: 'go> ' } });
    await terminal.expect(/sudo: this session is recorded \(request #\d+\)\n/);
    await terminal.expect('# ');
    terminal.answer('printf "\\033[1mbold\\033[0m \\377\\n"');
    await terminal.expect('# ');
    terminal.answer('stty -echo; printf "Pass""word: "; read secret; stty echo; echo; echo "${#secret} long"');
    await terminal.expect('Password: ');
    terminal.answer('hunter2-not-in-it');
    await terminal.expect('17 long\n');
    await terminal.expect('# ');
    terminal.answer('exit 5');
    expect(await terminal.ended()).toMatchObject({ code: 5 });
    const outcome = await outcomeIn(terminal.shown());
    expect(outcome.fields).toMatchObject({ end: 'exited', value: 5, recordingBytes: expect.any(Number), recordingMs: expect.any(Number) });
    expect(outcome.fields['recordingCut']).toBeUndefined();
    expect((await world.eventOf(({ type, fields }) => type === 'elevation.intent' && fields['request'] === outcome.fields['request'])).fields).toMatchObject({ recording: 'session' });
    const frames = await framesOf(outcome);
    const shown = terminal.process.output().stdout;
    expect(shown.endsWith(Buffer.from(bytesOf(frames, 'ttyOut'), 'latin1').toString('utf8'))).toBe(true);
    expect(bytesOf(frames, 'ttyOut')).toContain('bold');
    const typed = bytesOf(frames, 'ttyIn');
    expect(typed).toContain('stty -echo; printf');
    expect(frames.filter(({ kind }) => kind === 'hidden')).toHaveLength(1);
    const file = (await world.shell(`ls /var/lib/belay/recordings/${request(outcome)}-*.rec`)).trim();
    expect((await world.run(['grep', '-c', 'hunter2', file])).stdout.trim()).toBe('0');
    expect((await world.shell(`stat -c '%a %U' ${file}; stat -c '%a %U' /var/lib/belay/recordings`)).trim()).toBe('600 root\n700 root');
    expect(await world.belay(['recording', 'verify', request(outcome), ...bond(outcome)])).toMatchObject({ code: 0, stdout: expect.stringContaining('It is what the event speaks of.') });
    // SECURITY(T-29): nothing acts on the terminal of whoever looks.
    const replayed = await world.belay(['recording', 'replay', request(outcome)]);
    expect(replayed.code).toBe(0);
    expect(replayed.stdout).toContain('bold ');
    expect(replayed.stdout).not.toContain('\x1b');
    expect((await world.run(['sh', '-c', `belay recording replay --raw ${request(outcome)} | tail -c 40 | od -An -c`])).stdout).toContain('e');
  });

  test('pipes and files instead of a terminal are recorded as what they are', async () => {
    const ran = await world.sudo('alice', ['-n', 'sh', '-c', 'cat; echo wrong >&2; echo right'], { input: 'given\n' });
    expect(ran).toMatchObject({ code: 0, stdout: 'given\nright\n', stderr: expect.stringContaining('wrong\n') });
    const frames = await framesOf(await outcomeIn(ran.stderr));
    expect([bytesOf(frames, 'stdin'), bytesOf(frames, 'stdout'), bytesOf(frames, 'stderr')]).toEqual(['given\n', 'given\nright\n', 'wrong\n']);
  });

  test('as another user, who can neither read nor reach it', async () => {
    const ran = await world.sudo('alice', ['-n', '-u', 'bob', 'bash', '-c', 'id -un; ls /proc/self/fd | wc -l; cat /var/lib/belay/recordings/* 2>/dev/null || echo closed']);
    expect(ran.stdout).toBe('bob\n4\nclosed\n');
    expect(bytesOf(await framesOf(await outcomeIn(ran.stderr)), 'stdout')).toBe(ran.stdout);
  });

  test('what no rule wants recorded still becomes the command, and leaves no file', async () => {
    const files = await world.shell('ls /var/lib/belay/recordings');
    const plain = await world.sudo('alice', ['-n', 'cat', '/proc/self/stat']);
    const parent = plain.stdout.split(') ')[1]?.split(' ')[1];
    expect(plain.stderr).toBe('');
    expect((await world.sudo('alice', ['-n', 'sh', '-c', 'tr "\\0" " " </proc/$PPID/cmdline'])).stdout).toContain('sudo -n sh');
    expect(parent).not.toBe(undefined);
    const becomes = await world.runAs('alice', ['sh', '-c', 'echo $$; exec sudo -n cat /proc/self/stat']);
    const [own, stat = ''] = becomes.stdout.split('\n');
    expect(stat.startsWith(`${own} (cat)`)).toBe(true);
    expect((await world.shell('ls /var/lib/belay/recordings')).split('\n').length).toBe(files.split('\n').length + 1);
  });

  test('at its limit the command is ended, and told why; where the rule bears that, it goes on and the recording says so', async () => {
    const ended = await world.sudo('alice', ['-n', 'sh', '-c', 'yes x; echo AFTER']);
    expect(ended.code === 0).toBe(false);
    expect(ended.stderr).toMatch(/the recording is full \(request #\d+\), so the command is ended/);
    expect(ended.stdout).not.toContain('AFTER');
    const outcome = await outcomeIn(ended.stderr);
    expect(outcome.fields).toMatchObject({ recordingCut: 'limit' });
    expect(outcome.fields['recordingBytes'] as number).toBeLessThanOrEqual(1_048_576);
    // Not a byte came out that is not in it.
    expect(ended.stdout).not.toBe('');
    expect(bytesOf(await framesOf(outcome), 'stdout').startsWith(ended.stdout)).toBe(true);
    // Into a file: sudo 1.9.13 does not wait at the end for a reader that is slow.
    const on = await world.runAs('alice', ['sh', '-c', 'sudo -n dash -c "yes x | head -c 3000000; echo AFTER" >/tmp/all; tail -n 1 /tmp/all; wc -c </tmp/all']);
    expect(on).toMatchObject({ code: 0, stdout: 'AFTER\n3000006\n' });
    const second = await outcomeIn(on.stderr);
    expect(second.fields).toMatchObject({ end: 'exited', value: 0, recordingCut: 'limit' });
    expect((await world.belay(['recording', 'verify', request(second), ...bond(second)])).stdout).toContain('cut at its limit');
  });

  test('the same in a terminal, whatever runs in it, and the terminal is as it was', async () => {
    const terminal = world.terminalAs('alice', ['sh', '-c', 'sudo sh -c "(yes x) & yes x"; echo "left with $?"; stty -a | grep -o " -\\?icanon"']);
    await terminal.expect('so the command is ended');
    await terminal.expect(/left with [1-9]\d*\n icanon/);
    await terminal.ended();
    expect((await outcomeIn(terminal.shown())).fields).toMatchObject({ recordingCut: 'limit', end: 'signaled' });
    await world.waitFor(async () => (await world.run(['pgrep', '-x', 'yes'])).code === 1, { what: 'all of it to be gone' });
  });

  test('the caller\'s own limit of file sizes holds for the command, not for the recording', async () => {
    const limited = async (which: string) => await world.runAs('alice', ['sh', '-c', `ulimit ${which} -f 1; exec sudo -n sh -c "ulimit -f; yes | head -c 200000"`]);
    // The limit first: the last output may be missing where whoever reads it is slow (known-limits).
    expect(await limited('-S')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^1\ny\n/) });
    // A machine whose root may not lift it says so, and is not killed by it.
    expect(await limited('-H')).toMatchObject({ code: expect.any(Number) });
  });

  // SECURITY(T-28): what is there is bound to the outcome, though nobody told.
  test('when sudo is killed, what is there is bound to the outcome', async () => {
    const terminal = world.terminalAs('alice', ['sudo', 'sh', '-c', 'echo here; exec cat']);
    await terminal.expect('here\n');
    await world.shell('pkill -KILL -x sudo');
    await terminal.ended();
    const outcome = await outcomeIn(terminal.shown());
    expect(outcome.fields).toMatchObject({ end: 'lost', recordingCut: 'lost', recordingBytes: expect.any(Number) });
    const verified = await world.belay(['recording', 'verify', '--json', request(outcome), ...bond(outcome)]);
    expect(JSON.parse(verified.stdout)).toMatchObject({ intact: true, ended: null });
    expect(bytesOf(await framesOf(outcome), 'ttyOut')).toContain('here');
  });

  test('when belayd is killed, its next run binds what it finds', async () => {
    const terminal = world.terminalAs('alice', ['sudo', 'sh', '-c', 'echo here; read line; echo "got $line"']);
    await terminal.expect('here\n');
    await world.belayd.kill();
    terminal.answer('on');
    await terminal.expect('got on\n');
    await terminal.ended();
    await world.belayd.start();
    await world.fleet.reconnect();
    const outcome = await outcomeIn(terminal.shown());
    expect(outcome.fields).toMatchObject({ end: 'lost', recordingHash: expect.anything() });
    expect(outcome.fields['recordingCut']).toBeUndefined();
    expect(await world.belay(['recording', 'verify', request(outcome), ...bond(outcome)])).toMatchObject({ code: 0 });
  });

  test('list, verify and replay say what they cannot do', async () => {
    expect(JSON.parse((await world.belay(['recording', 'list', '--json'])).stdout)).toEqual(expect.arrayContaining([expect.objectContaining({ user: 'alice', command: expect.stringContaining('/usr/bin/sh'), intact: true })]));
    expect((await world.belay(['recording', 'list'])).stdout).toContain('alice: /usr/bin/sh');
    expect(await world.belay(['recording', 'verify', '999999'])).toMatchObject({ code: 9, stderr: expect.stringContaining('no recording of request #999999') });
    expect(await world.runAs('alice', ['belay', 'recording', 'list'])).toMatchObject({ code: 4, stderr: expect.stringContaining('only root') });
    expect(await world.belay(['recording', 'verify', '/no/such'])).toMatchObject({ code: 1, stderr: expect.stringContaining('does not exist') });
    expect(await world.belay(['recording', 'verify', '1', '--hash', 'ab'])).toMatchObject({ code: expect.any(Number) });
  });
});
