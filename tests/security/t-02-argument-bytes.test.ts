// T-02. Attacker: alice, who may run a command with any arguments and looks for the ones that break a parser (CVE-2021-3156), the
// match, or the record. Set-up: an allow for a program that prints its arguments one by one, a deny for one of them.
// Procedure: real sudo with huge, many, odd and undecodable arguments; then the same bytes are looked for in what ran and in the log.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { converse, likeSudo, startAttacker } from './attacker/attacker.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: arguments }
rules:
  - name: print
    who: ["user:alice"]
    run: [{ command: /usr/bin/printf, args: ["<%s>", "**"] }]
    then: allow
  - name: never with a secret
    run: [{ command: /usr/bin/printf, args: ["<%s>", "secret*"] }]
    then: deny
  - name: count
    who: ["user:alice"]
    run: [{ command: /usr/local/sbin/count, args: ["**"] }]
    then: allow
`;

const odd = ['', ' ', 'new\nline', '\u001b[2J\u001b]0;owned\u0007', 'trailing\\', '\\', '\\\n', '%s%n%x', '$(id)', '`id`', '*', '**', '--', '-', '-u', 'root', '\ufeff', '\u202e', 'e\u0301', '\u0001\u007f'];

describeRoot('T-02 argument bytes', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    await world.writeFile('/usr/local/sbin/count', '#!/bin/sh\necho $#\n', '0755');
  });
  afterAll(async () => { await world?.close(); });

  test('the bytes that were typed are the bytes that run and the bytes in the log', async () => {
    const { code, stdout } = await world.sudo('alice', ['printf', '<%s>', ...odd]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: odd.map((text) => `<${text}>`).join('') });
    const intent = await world.eventOf((event) => event.type === 'elevation.intent');
    expect((intent.fields['argv'] as Uint8Array[]).map((bytes) => Buffer.from(bytes).toString())).toEqual(['<%s>', ...odd]);
  });

  test('an argument that is not valid UTF-8 matches no allow and, as bytes, every deny', async () => {
    const broken = await world.runAs('alice', ['bash', '-c', String.raw`sudo -n printf '<%s>' $'fine' $'\xff\xfe'`]);
    expect(broken).toMatchObject({ code: 1, stdout: '' });
    const overlong = await world.runAs('alice', ['bash', '-c', String.raw`sudo -n printf '<%s>' $'\xc0\xafetc'`]);
    expect(overlong).toMatchObject({ code: 1, stdout: '' });
    const hidden = await world.runAs('alice', ['bash', '-c', String.raw`sudo -n printf '<%s>' $'secret\xff'`]);
    expect(hidden).toMatchObject({ code: 1, stdout: '' });
    const { fields } = await world.eventOf((event) => event.type === 'elevation.denied' && bytesIn(event.fields['argv'], Buffer.from('secret\xff', 'latin1')));
    expect(fields['why']).toBe('denied-by-rule');
  });

  test('sudo -e and -s with a trailing backslash end in a refusal, not in a crash', async () => {
    const lines = [
      String.raw`sudo -n -s '\' "$(printf 'A%.0s' $(seq 65536))"`,
      String.raw`sudoedit -s '\' "$(printf 'A%.0s' $(seq 65536))"`,
      String.raw`sudo -n -i 'id\'`,
      String.raw`sudo -n -e -s '\' x`,
      String.raw`SUDO_EDITOR='vi -- /etc/shadow' sudo -n -e /etc/motd`,
    ];
    for (const line of lines) {
      const { code, signal, stdout } = await world.runAs('alice', ['bash', '-c', line]);
      expect({ line, code, signal, stdout }).toEqual({ line, code: 1, signal: null, stdout: '' });
    }
  });

  test('a hundred thousand arguments, or one as large as the kernel takes, run whole', async () => {
    const many = await world.runAs('alice', ['bash', '-c', 'sudo -n count $(yes x | head -n 100000)']);
    expect(many).toMatchObject({ code: 0, stdout: '100000\n' });
    const large = await world.runAs('alice', ['bash', '-c', 'sudo -n count "$(head -c 131000 /dev/zero | tr "\\0" x)"']);
    expect(large).toMatchObject({ code: 0, stdout: '1\n' });
    const megabytes = await world.runAs('alice', ['bash', '-c', 'sudo -n count $(for i in 1 2 3 4 5 6 7 8 9 10; do head -c 100000 /dev/zero | tr "\\0" x; echo; done)']);
    expect(megabytes).toMatchObject({ code: 0, stdout: '10\n' });
    expect(await world.sudo('alice', ['-n', 'count', 'a', 'b'])).toMatchObject({ code: 0, stdout: '2\n' });
  });

  test('what no kernel would run is refused before it is looked at, whoever the frame comes from', async () => {
    const attacker = await startAttacker(world, likeSudo(20001));
    const executableFd = await attacker.openFile('/usr/local/sbin/count');
    const ask = async (argv: readonly Uint8Array[]): Promise<unknown> => {
      const talk = await converse(attacker);
      await talk.next();
      talk.say({ case: 'sudoCheck', value: { mode: 1, argv: [...argv], typedPath: Buffer.from('/usr/local/sbin/count'), executableOpen: true, executableFd, workingDirectory: Buffer.from('/') } });
      const answer = await talk.next();
      talk.line.destroy();
      return answer?.case === 'verdict' ? answer.value.answer : (answer?.case ?? 'closed');
    };
    const name = Buffer.from('count');
    expect(await ask([name, Buffer.from('a')])).toBe(1);
    expect(await ask([])).toBe(2);
    expect(await ask([name, Buffer.from('a\0b')])).toBe(2);
    expect(await ask([name, Buffer.alloc(1024 * 1024, 'x')])).toBe(2);
    expect(await ask([name, ...Array.from({ length: 250_000 }, () => Buffer.from('x'))])).toBe(2);
    expect(await ask([name, Buffer.alloc(5 * 1024 * 1024, 'x')])).toBe('closed');
    await attacker.kill();
    expect(await world.sudo('alice', ['-n', 'count', 'a', 'b'])).toMatchObject({ code: 0, stdout: '2\n' });
  });
});

function bytesIn(list: unknown, wanted: Buffer): boolean {
  return Array.isArray(list) && list.some((bytes) => Buffer.from(bytes as Uint8Array).equals(wanted));
}
