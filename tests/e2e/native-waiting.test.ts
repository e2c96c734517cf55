// The sudo plugin while somebody's approval is waited for: the live line, the lines on the way, the signals, and a belayd that goes.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { describeBothWays, type FakeBelayd, openPluginPlace } from '../support/fake-belayd.ts';
import type { Place } from '../support/world/place.ts';

const wait = (text: string, leftMs = 90_000) => ({ send: { waiting: { request: '9', text, leftMs: `${leftMs}` } } });
const until = (file: string) => ({ until: file });

describeBothWays('the sudo plugin while it waits', (option) => {
  let place: Place;
  let belayd: FakeBelayd;
  beforeAll(async () => { ({ place, belayd } = await openPluginPlace(option)); });
  afterAll(async () => { await place?.close(); });
  beforeEach(async () => { await place.shell('rm -f /run/go /run/more'); });

  const closed = async () => await place.waitFor(async () => (await belayd.heard()).some(({ event }) => event === 'closed'), { what: 'the connection to end' });

  test('on a terminal one line is rewritten, with the time that is left; what is new stands above it', async () => {
    await belayd.play({ sudoCheck: [wait('Belay #9: waiting for it.'), until('/run/more'), wait(''), wait('Belay #9: who can approve: Bo.', 3_700_000), until('/run/go'), { allow: {} }] });
    const terminal = place.terminalAs('alice', ['sudo', 'id', '-u']);
    await terminal.expect('sudo: Belay #9: waiting for it.\n');
    await terminal.expect('Belay #9: waiting for approval, 1 min 30 s left; Ctrl-C cancels');
    await terminal.expect(/waiting for approval, 1 min [0-2]\d s left; Ctrl-C cancels/);
    await place.shell('touch /run/more');
    await terminal.expect('sudo: Belay #9: who can approve: Bo.\n');
    await terminal.expect('Belay #9: waiting for approval, 1 h 01 min left; Ctrl-C cancels');
    await place.shell('touch /run/go');
    expect(await terminal.ended()).toMatchObject({ code: 0 });
    expect(terminal.process.output().stdout).toMatch(/\r {20,}\r0\r\n$/);
  });

  test('elsewhere each line is told once, and nothing is rewritten', async () => {
    await belayd.play({ sudoCheck: [wait('Belay #9: waiting for it.'), wait(''), wait(''), wait('Belay #9: one\nBelay #9: two'), { allow: {} }] });
    expect(await place.sudo('alice', ['id', '-u'])).toMatchObject({ code: 0, stdout: '0\n', stderr: 'sudo: Belay #9: waiting for it.\nsudo: Belay #9: one\nsudo: Belay #9: two\n' });
  });

  test('text acts on no terminal, and a line that is too long for it is cut (T-29)', async () => {
    await belayd.play({ sudoCheck: [wait('\u001b]0;mine\u0007 \u202e\u009b2J'), until('/run/go'), { allow: {} }] });
    const terminal = place.terminalAs('alice', ['bash', '-c', 'stty cols 30; sudo id -u']);
    await terminal.expect('sudo: ?]0;mine? ????');
    await terminal.expect(/\n(?:Belay #9: waiting for approva)+$/);
    await place.shell('touch /run/go');
    expect(await terminal.ended()).toMatchObject({ code: 0 });
  });

  test.each([['INT', 2], ['QUIT', 3], ['TERM', 15], ['HUP', 1], ['USR1', 10], ['ALRM', 14]] as const)('SIG%s cancels it: sudo ends by that, and the connection with it', async (name, signal) => {
    await belayd.play({ sudoCheck: [wait('Belay #9: waiting.'), until('/run/go'), { allow: {} }] });
    const running = place.spawnAs('alice', ['bash', '-c', 'sudo id -u; echo "ended $?"']);
    await place.waitFor(() => running.output().stderr.includes('waiting.'), { what: 'sudo to wait' });
    await place.shell(`kill -${name} $(pgrep -x -o -u root sudo)`);
    await running.ended;
    expect(running.output()).toMatchObject({ stdout: `ended ${128 + signal}\n`, stderr: expect.stringContaining('Belay #9: cancelled; nothing was run') });
    await closed();
    expect(await belayd.frames('commit')).toEqual([]);
  });

  test('Ctrl-C at the terminal is one of them', async () => {
    await belayd.play({ sudoCheck: [wait('Belay #9: waiting.'), until('/run/go'), { allow: {} }] });
    const terminal = place.terminalAs('alice', ['bash', '-c', 'trap : INT; sudo id -u; echo "en""ded $?"']);
    await terminal.expect('Ctrl-C cancels');
    terminal.type('\u0003');
    expect(await terminal.expect(/ended \d+/)).toBe('ended 130');
    await closed();
  });

  test('Ctrl-Z does not stop it: nobody keeps a yes for later (T-33)', async () => {
    await belayd.play({ sudoCheck: [wait('Belay #9: waiting.'), until('/run/go'), { allow: {} }] });
    const terminal = place.terminalAs('alice', ['bash', '--norc', '-i']);
    terminal.answer('sudo id -u; echo "en""ded $?"');
    await terminal.expect('Ctrl-C cancels');
    terminal.type('\u001a');
    await terminal.expect('this cannot be stopped while it waits for an approval; Ctrl-C cancels it');
    expect(/State:\s+(\w)/.exec(await place.shell('cat /proc/$(pgrep -x -o -u root sudo)/status'))?.[1]).toMatch(/[SR]/);
    await place.shell('touch /run/go');
    expect(await terminal.expect(/ended \d+/)).toBe('ended 0');
    terminal.answer('exit');
    await terminal.ended();
  });

  test('what the caller ignores stays ignored', async () => {
    await belayd.play({ sudoCheck: [wait('Belay #9: waiting.'), until('/run/go'), { allow: {} }] });
    const running = place.spawnAs('alice', ['bash', '-c', 'trap "" HUP; sudo id -u']);
    await place.waitFor(() => running.output().stderr.includes('waiting.'), { what: 'sudo to wait' });
    await place.shell('kill -HUP $(pgrep -x -o -u root sudo); touch /run/go');
    expect(await running.ended).toMatchObject({ code: 0 });
  });

  test('a belayd that closes, or that waits without a command, is no yes', async () => {
    await belayd.play({ sudoCheck: [wait('Belay #9: waiting.'), { close: true }] });
    expect(await place.sudo('alice', ['id'])).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('belayd does not answer') });
    await belayd.play({ sudoCheck: [wait('Belay #9: waiting.'), { allow: {} }] });
    expect(await place.sudo('alice', ['-v'])).toMatchObject({ code: 1 });
  });

  test('fifteen seconds of silence mean that it is gone', async () => {
    await belayd.play({ sudoCheck: [wait('Belay #9: waiting.'), until('/run/go'), { allow: {} }] });
    const begun = Date.now();
    expect(await place.sudo('alice', ['id'])).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('belayd does not answer') });
    expect(Date.now() - begun).toBeGreaterThan(14_000);
  });

  test('a no after the wait is told like any other', async () => {
    await belayd.play({ sudoCheck: [wait('Belay #9: waiting.'), { send: { verdict: { answer: 'ANSWER_DENY', request: '9', message: 'Belay #9: denied by bo: no.' } } }] });
    expect(await place.sudo('alice', ['id'])).toMatchObject({ code: 1, stdout: '', stderr: 'sudo: Belay #9: waiting.\nsudo: Belay #9: denied by bo: no.\n' });
  });
});
