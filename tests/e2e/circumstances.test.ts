// What surrounds a request, by real sudo: the package of the file, by dpkg and by rpm; the programs above; how the person logged in;
// terminal, directory and environment; the device's groups, labels and posture. Attacks on these are in tests/security.
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openSecuredWorld, type SecuredWorld } from '../security/attacker/secured-world.ts';
import { buildDeb, installDeb } from '../support/packages.ts';
import { hierarchy } from '../support/system-service.ts';
import { describeRoot, uids } from '../support/world.ts';

/** Each rule lets echo(1) say the rule's own name; a refusal says nothing on standard output. */
const rule = (name: string, what: string): string => `  - name: ${name}\n    who: ["user:alice"]\n    run: [{ command: /usr/bin/echo, args: [${name}] }]\n    then: allow\n    ${what}\n`;
const policyOf = (rules: string): string => `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: around }\nrules:\n${rules}`;

describeRoot('what surrounds a request', () => {
  let world: SecuredWorld;
  const scopes: string[] = [];
  afterAll(async () => {
    await world?.close();
    for (const scope of scopes.toReversed()) rmdirSync(scope);
  });
  beforeAll(async () => {
    world = await openSecuredWorld(policyOf([
      rule('ssh', 'from: { login: [ssh] }'),
      rule('office', 'from: { networks: [10.1.0.0/16, "2001:db8::/32"] }'),
      rule('desktop', 'from: { login: [desktop] }'),
      rule('terminal', 'from: { terminal: true }'),
      rule('batch', 'from: { terminal: false }'),
      rule('below', 'ancestor: [/usr/bin/bash]'),
      rule('folder', 'cwd: [/srv/www/**, /opt]'),
      rule('english', 'env: { LANG: "C.*", LC_TIME: null }'),
      rule('kiosk', 'device: { groups: [kiosk], labels: { site: "ber*" } }'),
      rule('system', 'device: { os: [testos], osVersion: ["12.*"] }'),
      rule('othersystem', 'device: { os: [othersystem] }'),
      rule('healthy', 'device: { healthy: true }'),
      rule('open', 'device: { firewall: false }'),
      rule('guarded', 'device: { firewall: true }'),
      rule('unsealed', 'device: { secureBoot: true }'),
      rule('expression', 'when: device.os == "testos" && !terminal && cwd == "/opt"'),
    ].join('')));
    await world.shell('mkdir -p /srv/www/site; printf \'ID=testos\\nVERSION_ID="12.3"\\n\' >/etc/os-release.new; rm -f /etc/os-release; mv /etc/os-release.new /etc/os-release');
    // What was read of the system before is read again once a minute; a start reads it at once.
    await world.belayd.stop();
    await world.belayd.start();
    await world.fleet.reconnect();
  });

  const runs = async (name: string, options: Parameters<SecuredWorld['sudo']>[2] = {}): Promise<boolean> => {
    const ran = await world.sudo('alice', ['-n', 'echo', name], options);
    expect({ ran: ran.code === 0, stdout: ran.stdout }).toEqual({ ran: ran.code === 0, stdout: ran.code === 0 ? `${name}\n` : '' });
    return ran.code === 0;
  };

  describe('how she logged in', () => {
    /** A login as logind has it: root's process leads the session, what she runs is below it and in its scope. */
    async function login(id: string, fields: Readonly<Record<string, string>>, name: string): Promise<string> {
      for (const folder of ['user.slice', `user.slice/user-${uids.alice}.slice`, `user.slice/user-${uids.alice}.slice/session-${id}.scope`].map((part) => join(hierarchy(), part))) {
        if (existsSync(folder)) continue;
        mkdirSync(folder);
        scopes.push(folder);
      }
      const scope = join(hierarchy(), `user.slice/user-${uids.alice}.slice/session-${id}.scope`);
      const lines = Object.entries({ UID: `${uids.alice}`, USER: 'alice', ACTIVE: '1', STATE: 'active', CLASS: 'user', ...fields }).map(([key, value]) => `${key}=${value}`).join('\n');
      return await world.shell(`
        mkdir -p /run/systemd/sessions
        bash -c 'echo $$ >${scope}/cgroup.procs; printf "%s\\nLEADER=$$\\n" "$0" >/run/systemd/sessions/${id}; setpriv --reuid=alice --regid=alice --init-groups sudo -n echo ${name} 2>/dev/null; true' '${lines}'`);
    }
    const ssh = (from: string) => ({ TYPE: 'tty', SERVICE: 'sshd', REMOTE: '1', REMOTE_HOST: from });

    test('over SSH, and from which network', async () => {
      expect(await login(`a${process.pid}`, ssh('10.1.2.3'), 'ssh')).toBe('ssh\n');
      expect(await login(`b${process.pid}`, ssh('10.1.2.3'), 'office')).toBe('office\n');
      expect(await login(`c${process.pid}`, ssh('2001:db8::7'), 'office')).toBe('office\n');
      expect(await login(`d${process.pid}`, ssh('10.2.2.3'), 'office')).toBe('');
      expect(await login(`e${process.pid}`, ssh('10.1.2.3'), 'desktop')).toBe('');
    });

    test('at the desktop', async () => {
      const desktop = { TYPE: 'wayland', SERVICE: 'gdm-password', REMOTE: '0', SEAT: 'seat0' };
      expect(await login(`f${process.pid}`, desktop, 'desktop')).toBe('desktop\n');
      expect(await login(`g${process.pid}`, desktop, 'ssh')).toBe('');
      expect(await login(`h${process.pid}`, desktop, 'office')).toBe('');
    });

    test('what the environment says of it counts for nothing', async () => {
      expect(await runs('ssh', { env: { SSH_CONNECTION: '10.1.2.3 4 10.1.0.1 22', SSH_TTY: '/dev/pts/0' } })).toBe(false);
      expect(await runs('office', { env: { SSH_CLIENT: '10.1.2.3 4 22' } })).toBe(false);
    });
  });

  test('with a terminal, or without', async () => {
    expect([await runs('batch'), await runs('terminal')]).toEqual([true, false]);
    for (const [name, code] of [['terminal', 0], ['batch', 1]] as const) {
      const terminal = world.terminalAs('alice', ['sudo', '-n', 'echo', name]);
      expect({ name, ...(await terminal.ended()) }).toMatchObject({ name, code });
    }
  });

  test('the programs above', async () => {
    expect(await runs('below')).toBe(false);
    expect(await world.runAs('alice', ['bash', '-c', 'sudo -n echo below; true'])).toMatchObject({ stdout: 'below\n' });
  });

  test('the directory and the environment of the command', async () => {
    expect([await runs('folder', { cwd: '/srv/www/site' }), await runs('folder', { cwd: '/opt' }), await runs('folder', { cwd: '/srv' }), await runs('folder', { cwd: '/opt/belay' })]).toEqual([true, true, false, false]);
    expect([await runs('english', { env: { LANG: 'C.UTF-8' } }), await runs('english', { env: { LANG: 'de_DE.UTF-8' } }), await runs('english', { env: { LANG: 'C.UTF-8', LC_TIME: 'C' } })]).toEqual([true, false, false]);
  });

  test('the device\'s groups and labels', async () => {
    const { number } = world.fleet.newest();
    const become = async (step: number, groups: string[], labels: Record<string, string>) => {
      await world.fleet.deliverManifest(world.fleet.manifestEnvelope({ number: number + step, groups, labels }));
      return await runs('kiosk');
    };
    expect(await become(1, ['kiosk'], { site: 'berlin' })).toBe(true);
    expect(await become(2, ['kiosk'], { site: 'hamburg' })).toBe(false);
    expect(await become(3, ['kiosk'], {})).toBe(false);
    expect(await become(4, ['other'], { site: 'berlin' })).toBe(false);
  });

  test('how the device stands: what is known to be otherwise, and what is not known, allow nothing', async () => {
    expect([await runs('system'), await runs('othersystem'), await runs('healthy')]).toEqual([true, false, true]);
    // In a network of its own with no rules no firewall filters; where that cannot be told neither rule holds.
    expect(await runs('guarded')).toBe(false);
    expect(await runs('unsealed')).toBe(false);
    expect([await runs('expression', { cwd: '/opt' }), await runs('expression', { cwd: '/srv' })]).toEqual([true, false]);
  });
});

describeRoot('the package of the file', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policyOf([
      '  - name: a deb of ours\n    who: ["user:alice"]\n    run: [{ package: { name: "ours-*", version: ">= 1.2" } }]\n    then: allow\n',
      '  - name: only from a repository\n    who: ["user:alice"]\n    run: [{ package: { name: theirs, repository: "*/*" } }]\n    then: allow\n',
      '  - name: an rpm\n    who: ["user:alice"]\n    run: [{ package: { name: packed, version: "= 3-1" } }]\n    then: allow\n',
      '  - name: no games\n    run: [{ package: games }]\n    then: deny\n    message: No games.\n',
      '  - name: whatever is of a package\n    who: ["user:alice"]\n    run: [{ command: /usr/bin/chess }]\n    then: allow\n',
    ].join('')));
    for (const [name, version, path] of [['ours-tool', '1.10', '/usr/bin/ours-tool'], ['ours-old', '1.1', '/usr/bin/ours-old'], ['theirs', '1', '/usr/bin/theirs'], ['games', '1', '/usr/bin/chess']] as const) {
      await installDeb(world, await buildDeb(world, { name, version, path, says: name }));
    }
  });
  afterAll(async () => await world?.close());

  const run = async (path: string): Promise<string> => {
    const ran = await world.sudo('alice', ['-n', path]);
    return ran.code === 0 ? ran.stdout.trim() : 'refused';
  };
  const comesTo = async (path: string, wanted: string) => await world.waitFor(async () => (await run(path)) === wanted, { what: `${path} to be ${wanted}` });

  test('a deb\'s file by the package\'s name and version; a modified one is not it, put back it is again', async () => {
    await comesTo('/usr/bin/ours-tool', 'ours-tool');
    expect(await run('/usr/bin/ours-old')).toBe('refused');
    await world.shell('cp -p /usr/bin/ours-tool /root/kept; echo "echo more" >>/usr/bin/ours-tool');
    expect(await run('/usr/bin/ours-tool')).toBe('refused');
    await world.shell('cp -p /root/kept /usr/bin/ours-tool');
    await comesTo('/usr/bin/ours-tool', 'ours-tool');
  });

  test('a package that no repository offers is none of a repository\'s', async () => {
    expect(await run('/usr/bin/theirs')).toBe('refused');
  });

  test('a deny by package holds whatever allows the path, modified or not', async () => {
    expect(await world.sudo('alice', ['-n', '/usr/bin/chess'])).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('No games.') });
    await world.shell('echo "echo more" >>/usr/bin/chess');
    expect(await run('/usr/bin/chess')).toBe('refused');
  });

  test('an rpm\'s file, by rpm\'s own database; modified, or of a package that was removed, it is not', async () => {
    await world.writeFile('/root/packed.spec', 'Name: packed\nVersion: 3\nRelease: 1\nSummary: s\nLicense: x\nBuildArch: noarch\n%description\nd\n%install\nmkdir -p %{buildroot}/usr/bin\nprintf "#!/bin/sh\\necho packed\\n" >%{buildroot}/usr/bin/packed\nchmod 0755 %{buildroot}/usr/bin/packed\n%files\n/usr/bin/packed\n');
    const rpm = '--define "_dbpath /var/lib/rpm" --define "_db_backend sqlite"';
    await world.shell(`
      export HOME=/root; mkdir -p /var/lib/rpm; chmod 0755 /var/lib/rpm
      rpmbuild --define "_topdir /root/rpmbuild" --define "_build_id_links none" -bb /root/packed.spec >/root/rpmbuild.log 2>&1 || { tail -n 5 /root/rpmbuild.log >&2; exit 1; }
      rpm ${rpm} --initdb; rpm ${rpm} -i --nodeps --force /root/rpmbuild/RPMS/noarch/packed-3-1.noarch.rpm`);
    await comesTo('/usr/bin/packed', 'packed');
    await world.shell('cp -p /usr/bin/packed /root/kept; echo "echo more" >>/usr/bin/packed');
    expect(await run('/usr/bin/packed')).toBe('refused');
    await world.shell('cp -p /root/kept /usr/bin/packed');
    await comesTo('/usr/bin/packed', 'packed');
    await world.shell(`rpm ${rpm} -e --justdb packed`);
    await comesTo('/usr/bin/packed', 'refused');
  });
});
