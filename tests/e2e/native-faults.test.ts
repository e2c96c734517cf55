// The sudo plugin when belayd is gone, silent, forged or talks nonsense, and when the user interferes: nothing runs, the person
// learns what to do, and root is never locked out.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type Act, describeBothWays, type FakeBelayd, type FakeScript, openPluginPlace, startFakeBelayd } from '../support/fake-belayd.ts';
import { type Place, worldNode } from '../support/world/place.ts';

const unreachable = expect.stringMatching(/^sudo: belayd does not answer, so nothing can be allowed\.\nsudo: Try again .*systemctl status belayd.*\n/);
const go: Act = { send: { commitAnswer: { answer: 'ANSWER_GO' } } };
const yes = (launch: Record<string, unknown>): FakeScript => ({ sudoCheck: [{ allow: { launch: launch as never } }] });
const base64 = (text: string): string => Buffer.from(text).toString('base64');

const nonsense: readonly (readonly [string, FakeScript])[] = [
  ['no hello', { hello: [{ nothing: true }] }],
  ['a hello of another protocol', { hello: [{ send: { hello: { protocol: 2 } } }] }],
  ['a verdict for a hello', { hello: [{ raw: '000000041a020801' }] }],
  ['a closed connection for a hello', { hello: [{ close: true }] }],
  ['an empty frame', { sudoCheck: [{ raw: '00000000' }] }],
  ['a frame of 4 GiB', { sudoCheck: [{ raw: 'ffffffff1a020801' }] }],
  ['half a frame, then the end', { sudoCheck: [{ raw: '000000ff1a' }, { close: true }] }],
  ['half a frame, then silence', { sudoCheck: [{ raw: '000000ff1a' }] }],
  ['bytes that are no message', { sudoCheck: [{ raw: '00000004ffffffff' }] }],
  ['silence', { sudoCheck: [{ nothing: true }] }],
  ['a yes to what was not asked', { sudoCheck: [go] }],
  ['one challenge after the other', { sudoCheck: [{ send: { challenge: { request: '1' } } }], demandsMet: [{ send: { challenge: { request: '1' } } }] }],
  ['silence at the commit', { commit: [{ nothing: true }] }],
  ['the end at the commit', { commit: [{ close: true }] }],
  ['a verdict for a commit answer', { commit: [{ allow: {} }] }],
  ['a commit answer without an answer', { commit: [{ send: { commitAnswer: {} } }] }],
];

const unfit: readonly (readonly [string, FakeScript])[] = [
  ['an allow without a launch', { sudoCheck: [{ send: { verdict: { answer: 'ANSWER_ALLOW', request: '7', token: base64('0123456789abcdef') } } }] }],
  ['uid -1', yes({ uid: 4294967295 })],
  ['gid -1', yes({ gid: 4294967295 })],
  ['a group -1', yes({ groups: [0, 4294967295] })],
  ['no way to run', yes({ by: 'BY_UNSPECIFIED' })],
  ['a relative path', yes({ path: base64('id') })],
  ['no arguments', yes({ argv: [] })],
  ['a sealed descriptor that is none', yes({ by: 'BY_SEALED', sealedFd: 9999 })],
];

describeBothWays('the sudo plugin and a belayd at fault', (option) => {
  let place: Place;
  let belayd: FakeBelayd;
  beforeAll(async () => { ({ place, belayd } = await openPluginPlace(option)); });
  afterAll(async () => { await place?.close(); });
  beforeEach(async () => { await place.shell('rm -f /run/ran /run/go'); });

  const hasRun = async (): Promise<boolean> => (await place.run(['test', '-e', '/run/ran'])).code === 0;

  test.each(nonsense)('%s: nothing runs, within seconds, and the person learns what to do', async (_, script) => {
    await belayd.play(script);
    const started = Date.now();
    const ran = await place.sudo('alice', ['touch', '/run/ran']);
    const tookMs = Date.now() - started;
    expect([ran.code, await hasRun(), tookMs < 15_000]).toEqual([1, false, true]);
    expect(ran.stderr).toMatch(/belayd does not answer|stopped/);
  });

  test.each(unfit)('a yes with %s runs nothing', async (_, script) => {
    await belayd.play(script);
    expect(await place.sudo('alice', ['touch', '/run/ran'])).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/^sudo: /) });
    expect([await hasRun(), await belayd.frames('commit')]).toEqual([false, []]);
  });

  test('a refusal and a deny are said in belayd\'s words, made harmless', async () => {
    await belayd.play({ sudoCheck: [{ send: { refusal: { code: 'BELAY_E_BUSY', message: 'too many requests\u001b[31m' } } }] });
    expect(await place.sudo('alice', ['id'])).toMatchObject({ code: 1, stderr: 'sudo: too many requests?[31m\nsudo: (BELAY_E_BUSY)\n' });
    await belayd.play({ sudoCheck: [{ send: { verdict: { answer: 'ANSWER_DENY', request: '9', message: 'Belay #9: no.', rule: 'p/r' } } }] });
    expect(await place.sudo('alice', ['id'])).toMatchObject({ code: 1, stderr: 'sudo: Belay #9: no.\n' });
    await belayd.play({ sudoCheck: [{ send: { verdict: { request: '9' } } }] });
    expect(await place.sudo('alice', ['id'])).toMatchObject({ code: 1, stderr: 'sudo: not allowed\nsudo: (request #9)\n' });
  });

  test('from the request on the process is root\'s: its user can neither stop nor kill it', async () => {
    await belayd.play({ sudoCheck: [{ until: '/run/go' }, { allow: {} }] });
    const running = place.spawnAs('alice', ['sudo', 'id', '-u']);
    const pid = String(await running.pid);
    await place.waitFor(async () => (await place.shell(`grep -E '^[UG]id:' /proc/${pid}/status`)) === 'Uid:\t0\t0\t0\t0\nGid:\t0\t0\t0\t0\n', { what: 'the process to be root\'s' });
    const tried = await place.runAs('alice', ['bash', '-c', `for signal in STOP KILL TSTP INT; do kill -$signal ${pid} || echo $signal; done`]);
    expect([tried.stdout, tried.stderr.match(/not permitted/g)?.length]).toEqual(['STOP\nKILL\nTSTP\nINT\n', 4]);
    await place.shell('touch /run/go');
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(running.output().stdout).toBe('0\n');
  });

  test('killed after the yes, the command ends, or the connection without an outcome', async () => {
    await belayd.play({});
    const running = place.spawnAs('alice', ['sudo', 'sleep', '1000']);
    await place.waitFor(async () => (await place.run(['pgrep', '-x', '-f', '(/usr/bin/)?sleep 1000'])).code === 0, { what: 'the command to run' });
    running.signal('SIGKILL');
    await place.waitFor(async () => (await belayd.heard()).some(({ event }) => event === 'closed'));
    expect(await belayd.framesAtEnd('outcome')).toEqual(option === '' ? [{ request: '7', end: 'END_SIGNALED', value: 9 }] : []);
  });

  test('a socket that is not root\'s, or lies where others could put one, is not spoken to', async () => {
    await belayd.stop();
    await place.writeFile('/opt/impostor.mjs', `
      import { writeFileSync } from 'node:fs';
      import { createServer } from 'node:net';
      createServer((socket) => {
        socket.on('error', () => {}).on('data', () => writeFileSync('/tmp/overheard', ''));
        socket.write(Buffer.from('000000040a020801', 'hex'));
      }).listen('/tmp/impostor.sock');`);
    const impostor = place.spawnAs('alice', [worldNode, '/opt/impostor.mjs']);
    await place.waitFor(async () => (await place.run(['test', '-S', '/tmp/impostor.sock'])).code === 0);
    // Root linking it there is the worst case: the peer still is not root.
    await place.shell('ln -s /tmp/impostor.sock /run/belay/belayd.sock');
    expect(await place.sudo('alice', ['touch', '/run/ran'])).toMatchObject({ code: 1, stderr: unreachable });
    expect((await place.run(['test', '-e', '/tmp/overheard'])).code).toBe(1);
    impostor.signal('SIGKILL');
    await place.shell('rm -f /run/belay/belayd.sock');
    belayd = await startFakeBelayd(place);
    expect(await place.sudo('alice', ['id', '-u'])).toMatchObject({ code: 0 });
    for (const [change, back] of [['chown alice /run/belay', 'chown root /run/belay'], ['chmod 0775 /run/belay', 'chmod 0755 /run/belay'], ['mv /run/belay /run/elsewhere && ln -s elsewhere /run/belay', 'rm /run/belay && mv /run/elsewhere /run/belay']]) {
      await place.shell(change as string);
      expect(await place.sudo('alice', ['touch', '/run/ran'])).toMatchObject({ code: 1, stderr: unreachable });
      await place.shell(back as string);
    }
    expect(await hasRun()).toBe(false);
  });

  test('without belayd nobody but root gets anything, and every form says what to do', async () => {
    await belayd.stop();
    for (const args of [['touch', '/run/ran'], ['-l'], ['-l', 'id'], ['-v'], ['-n', 'touch', '/run/ran'], ['-i']]) {
      expect(await place.sudo('alice', args)).toMatchObject({ code: 1, stdout: '', stderr: unreachable });
    }
    expect(await place.sudo('alice', ['-k'])).toMatchObject({ stderr: unreachable });
    expect(await hasRun()).toBe(false);
    belayd = await startFakeBelayd(place);
  });

  test('without belayd root\'s own use works and is recorded by syslog', async () => {
    await belayd.stop();
    await place.writeFile('/usr/local/sbin/script', '#!/bin/sh\necho "script $*"\n', '0755');
    const ran = async (args: readonly string[]) => await place.sudo('root', args, { env: { DROPPED: '1', LANG: 'C.UTF-8' } });
    expect(await ran(['sh', '-c', 'echo "$USER $HOME [$DROPPED] $LANG $SUDO_USER $ADDED"; id -u'])).toMatchObject({ code: 0, stdout: 'root /root [] C.UTF-8 root \n0\n' });
    expect(await ran(['-u', 'bob', '-g', 'developers', 'ADDED=2', 'sh', '-c', 'echo "$USER $HOME $ADDED"; id -u; id -gn'])).toMatchObject({ code: 0, stdout: 'bob /home/bob 2\n20002\ndevelopers\n' });
    expect(await ran(['script', 'a\nb'])).toMatchObject({ code: 0, stdout: 'script a\nb\n' });
    expect(await ran(['-i', '-u', 'bob', 'pwd'])).toMatchObject({ code: 0, stdout: '/home/bob\n' });
    expect(await ran(['-D', '/tmp', 'pwd'])).toMatchObject({ code: 0, stdout: '/tmp\n' });
    expect(await ran(['-u', '#-1', 'id'])).toMatchObject({ code: 1, stdout: '' });
    expect(await ran(['no-such-command'])).toMatchObject({ code: 1, stderr: expect.stringContaining('no-such-command: command not found') });
    const log = await place.waitFor(async () => {
      const text = await place.readFile('/var/log/syslog-of-world');
      return text.includes('PWD=/ ; USER=root ; COMMAND=/usr/bin/pwd') || text.includes('/usr/bin/pwd') ? text : undefined;
    });
    // 84: LOG_AUTHPRIV | LOG_WARNING
    expect(log).toMatch(/<84>.*belay\[\d+\]: root: TTY=.* ; PWD=.* ; USER=root ; COMMAND=\/usr\/local\/sbin\/script a\?b \(recorded by syslog because belayd did not answer\)/);
    belayd = await startFakeBelayd(place);
  });

  test('root goes on when belayd falls silent halfway', async () => {
    await belayd.play({ sudoCheck: [{ close: true }] });
    expect(await place.sudo('root', ['id', '-u'])).toMatchObject({ code: 0, stdout: '0\n', stderr: expect.stringContaining('recorded by syslog') });
    await belayd.play({ commit: [{ close: true }] });
    expect(await place.sudo('root', ['id', '-un'])).toMatchObject({ code: 0, stdout: 'root\n', stderr: '' });
    await place.waitFor(async () => (await place.readFile('/var/log/syslog-of-world')).includes('COMMAND=/usr/bin/id -un (recorded by syslog'));
  });
});
