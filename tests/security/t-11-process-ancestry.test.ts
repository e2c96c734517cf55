// T-11. Attacker: alice, who wants a rule on the program above to hold for hers, or one that denies below a program not to see it.
// Set-up: rules that ask for a parent and for an ancestor; a deny below another program; the world's root processes are a service of
// the system's, as under systemd, so that a parent can be told at all.
// Procedure: her own file of that name; another name by exec -a; orphans; subreapers, by prctl(2); a process that starts a child and then
// becomes the trusted program. No grant on the parent may hold, no deny may be missed, and the honest cases hold.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { becomeSystemService } from '../support/system-service.ts';
import { describeRoot } from '../support/world/root-only.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: ancestry }
rules:
  - name: started by the launcher
    who: ["user:alice"]
    run: [{ command: /usr/bin/id, args: [-u] }]
    parent: [/opt/launcher]
    then: allow
  - name: somewhere below the launcher
    who: ["user:alice"]
    run: [{ command: /usr/bin/id, args: [-g] }]
    ancestor: [/opt/launcher]
    then: allow
  - name: anywhere
    who: ["user:alice"]
    run: [{ command: /usr/bin/id, args: [-G] }]
    then: allow
  - name: not below the browser
    run: [{ command: /usr/bin/id, args: [-G] }]
    ancestor: [/opt/browser]
    then: deny
`;

const prctl = process.arch === 'arm64' ? 167 : 157;
const beSubreaper = `syscall(${prctl}, 36, 1, 0, 0, 0) == 0 or die;`;
const asAlice = ['setpriv', '--reuid=alice', '--regid=alice', '--init-groups', '--'];

describeRoot('T-11 the programs above', () => {
  let world: SecuredWorld;
  let leave: (() => void) | undefined;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    leave = await becomeSystemService(world);
    await world.shell('for name in launcher browser; do install -m 0755 /usr/bin/bash /opt/$name; done; install -m 0755 -o alice /usr/bin/bash /home/alice/launcher');
  });
  afterAll(async () => {
    await world?.close();
    leave?.();
  });

  /** A script of alice's leaves what sudo said in a file, as its own end may come first. */
  async function told(argv: readonly string[]): Promise<string> {
    await world.shell('rm -f /home/alice/said*');
    const before = await asked();
    const ran = await world.runAs('alice', argv, { cwd: '/home/alice' });
    if (ran.code !== 0) throw new Error(`the attack did not run (${ran.code}): ${ran.stderr}${ran.stdout}`);
    await world.waitFor(async () => (await world.run(['test', '-e', '/home/alice/said.done'])).code === 0, { what: 'sudo to have ended' });
    // Refused, not broken off on the way: belayd was asked once.
    await world.waitFor(async () => (await asked()) > before, { what: 'the record of it' });
    expect(await asked()).toBe(before + 1);
    return (await world.readFile('/home/alice/said')).trim();
  }
  const asked = async (): Promise<number> => (await world.events()).filter(({ type, fields }) => type === 'elevation.intent' || (type === 'elevation.denied' && ['no-rule', 'denied-by-rule'].includes(String(fields['why'])))).length;
  const sudo = (flag: string): string => `sudo -n id ${flag} >said 2>/dev/null; touch said.done`;
  const perl = (script: string) => told(['perl', '-e', script]);

  describe('the honest cases', () => {
    test('a root service that starts sudo for alice is its parent', async () => {
      const run = (program: string) => world.run([program, '-c', `${asAlice.join(' ')} sudo -n id -u; true`]);
      expect((await run('/opt/launcher')).stdout).toBe('0\n');
      expect((await run('/usr/bin/bash')).stdout).toBe('');
      await world.waitFor(async () => (await asked()) === 2, { what: 'the record of both' });
    });

    test('who runs it below the launcher is below it, however far', async () => {
      expect(await told(['/opt/launcher', '-c', `${sudo('-g')}; true`])).toBe('0');
      expect(await told(['/opt/launcher', '-c', `bash -c 'sh -c "sudo -n id -g >said; touch said.done"; true'; true`])).toBe('0');
      expect(await told(['bash', '-c', `${sudo('-g')}; true`])).toBe('');
    });

    test('the deny below the browser holds there and not elsewhere', async () => {
      expect(await told(['/opt/browser', '-c', `${sudo('-G')}; true`])).toBe('');
      expect(await world.sudo('alice', ['-n', 'id', '-G'])).toMatchObject({ code: 0, stdout: '0\n' });
    });
  });

  describe('a parent that did not start it', () => {
    test('one of her own of that name, or one that only calls itself so, is another program', async () => {
      for (const flag of ['-u', '-g']) {
        expect(await told(['/home/alice/launcher', '-c', `${sudo(flag)}; true`])).toBe('');
        expect(await told(['bash', '-c', `exec -a /opt/launcher bash -c '${sudo(flag)}; true'`])).toBe('');
      }
    });

    test('alice at the launcher herself: what she runs can have become anything, so it is nobody\'s parent for certain', async () => {
      expect(await told(['/opt/launcher', '-c', `${sudo('-u')}; true`])).toBe('');
    });

    test('a subreaper of hers that adopts sudo and then becomes the launcher', async () => {
      const attack = `
        ${beSubreaper} pipe(R, W);
        if (!fork) { if (!fork) { close(W); <R>; exec "sh", "-c", q{${sudo('-u')}} } exit 0 }
        wait; close(R); exec "/opt/launcher", "-c", "exec ".fileno(W).">&-; wait; while [ ! -e said.done ]; do sleep 0.05; done"`;
      expect(await perl(attack)).toBe('');
    });

    test('one that starts sudo\'s shell and then becomes the launcher', async () => {
      expect(await told(['bash', '-c', `(${sudo('-u')}) & exec /opt/launcher -c 'while [ ! -e said.done ]; do sleep 0.05; done'`])).toBe('');
    });

    test('an orphan is not its adopter\'s, whoever that is', async () => {
      expect(await perl(`if (!fork) { if (!fork) { exec "sh", "-c", q{${sudo('-u')}} } exit 0 } wait`)).toBe('');
    });
  });

  describe('an ancestor that has ended', () => {
    /** Another program starts sudo once the one that started it has ended. */
    const orphan = (flag: string): string => `bash -c 'while kill -0 $0 2>/dev/null; do sleep 0.05; done; ${sudo(flag)}' $$ & exit 0`;

    test('is none for a rule that allows', async () => {
      expect(await told(['/opt/launcher', '-c', orphan('-g')])).toBe('');
    });

    test('may have been one for a rule that denies: an orphan of the browser\'s, and one that a subreaper of hers has adopted and hidden', async () => {
      expect(await told(['/opt/browser', '-c', orphan('-G')])).toBe('');
      const hidden = `
        ${beSubreaper} pipe(R, W);
        if (!fork) { exec "/opt/browser", "-c", q{bash -c 'read x <&}.fileno(R).q{; ${sudo('-G')}' & exit 0} }
        wait; syscall(${prctl}, 36, 0, 0, 0, 0); close(R); close(W); select(undef, undef, undef, 0.05) until -e "said.done"`;
      expect(await perl(hidden.replace('pipe(R, W);', 'use Fcntl; pipe(R, W); fcntl(R, F_SETFD, 0);'))).toBe('');
    });
  });
});
