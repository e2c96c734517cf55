// T-19. Attacker: alice, who sets the variables that loaders, shells and interpreters obey. Set-up: allows for env, a shell script and
// the interpreters that are there; a library, a start-up file and a module of hers that leave a mark when anything loads them.
// Procedure: real sudo with each variable in her environment, on the command line, with -E and --preserve-env; then neither the
// variable nor the mark may be there.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: environment }
rules:
  - name: show it
    who: ["user:alice"]
    run: [{ command: /usr/bin/env, args: [] }]
    then: allow
  - name: interpreters
    who: ["user:alice"]
    run:
      - { command: /usr/bin/bash, args: ["-c", "true; date"] }
      - { command: /usr/local/sbin/script, args: ["**"] }
      - { command: /opt/belay/bin/node, args: ["-e", "0"] }
      - { command: /usr/bin/perl, args: ["-e", "0"] }
    then: allow
`;

const mark = '/tmp/mark';
const hostile: Readonly<Record<string, string>> = {
  LD_PRELOAD: '/home/alice/evil.so', LD_LIBRARY_PATH: '/home/alice', LD_AUDIT: '/home/alice/evil.so', LD_DEBUG: 'all', LD_DEBUG_OUTPUT: mark, LD_PROFILE: 'x',
  GCONV_PATH: '/home/alice', LOCPATH: '/home/alice', NLSPATH: '/home/alice/%N', RES_OPTIONS: 'debug', HOSTALIASES: '/home/alice/hosts', LOCALDOMAIN: 'x', MALLOC_TRACE: mark,
  GLIBC_TUNABLES: 'glibc.malloc.check=1', TMPDIR: '/home/alice', BASH_ENV: '/home/alice/start.sh', ENV: '/home/alice/start.sh', SHELLOPTS: 'xtrace', BASHOPTS: 'extglob',
  PS4: '$(touch /tmp/mark)', IFS: 'x', CDPATH: '/home/alice', GLOBIGNORE: '*', PROMPT_COMMAND: 'touch /tmp/mark', 'BASH_FUNC_date%%': '() { touch /tmp/mark; }', 'BASH_FUNC_true()': '() { touch /tmp/mark; }',
  PYTHONPATH: '/home/alice', PYTHONSTARTUP: '/home/alice/start.py', PYTHONHOME: '/home/alice', PYTHONINSPECT: '1', PERL5LIB: '/home/alice', PERL5OPT: '-Mevil', PERL5DB: 'system("touch /tmp/mark")', PERLLIB: '/home/alice',
  RUBYLIB: '/home/alice', RUBYOPT: '-revil', NODE_OPTIONS: '--require=/home/alice/evil.cjs', NODE_PATH: '/home/alice', NODE_EXTRA_CA_CERTS: '/home/alice/ca.pem', JAVA_TOOL_OPTIONS: '-agentpath:/home/alice/evil.so',
  GIT_SSH_COMMAND: 'touch /tmp/mark', GIT_EXTERNAL_DIFF: 'touch /tmp/mark', GIT_CONFIG_GLOBAL: '/home/alice/gitconfig', GIT_PAGER: 'touch /tmp/mark', PAGER: 'touch /tmp/mark', MANPAGER: 'touch /tmp/mark', LESSOPEN: '|touch /tmp/mark', LESS: '+!touch /tmp/mark',
  EDITOR: 'touch /tmp/mark', VISUAL: 'touch /tmp/mark', SUDO_EDITOR: 'touch /tmp/mark', SUDO_ASKPASS: '/home/alice/ask', BROWSER: 'x', TZ: '/home/alice/zone', TZDIR: '/home/alice', TERMINFO: '/home/alice', TERMINFO_DIRS: '/home/alice', TERMCAP: '/home/alice/cap', TERMPATH: '/home/alice',
  KRB5_CONFIG: '/home/alice/krb', SSL_CERT_FILE: '/home/alice/ca.pem', OPENSSL_CONF: '/home/alice/ssl.cnf', HTTPS_PROXY: 'http://127.0.0.1:1', http_proxy: 'http://127.0.0.1:1', XDG_CONFIG_HOME: '/home/alice', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/home/alice/bus', SYSTEMD_EDITOR: 'x', APT_CONFIG: '/home/alice/apt.conf', DEBUGINFOD_URLS: 'x', USER_DEFINED: 'x',
  'LANG': '/home/alice/evil', 'LC_ALL': '../../home/alice/evil', 'TERM': '../../home/alice/evil', 'BELAY_REASON': 'x',
};

describeRoot('T-19 environment', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    await world.writeFile('/usr/local/sbin/script', '#!/usr/bin/bash\ndate >/dev/null\necho done\n', '0755');
    await world.writeFile('/home/alice/start.sh', `touch ${mark}\n`, '0755');
    await world.writeFile('/home/alice/evil.cjs', `require('node:fs').writeFileSync('${mark}', '');\n`, '0755');
    await world.writeFile('/home/alice/evil.pm', `package evil; open(my $f, '>', '${mark}'); 1;\n`, '0755');
  });
  afterAll(async () => { await world?.close(); });

  /** Set by a program of alice's, as her shell would: nothing before it sees them. On a socket as its input bash reads no BASH_ENV. */
  const withEnvironment = (variables: Readonly<Record<string, string>>, args: readonly string[], program: readonly string[] = ['sudo', '-n']) =>
    world.runAs('alice', ['sh', '-c', 'exec "$@" </dev/null', 'sh', 'env', ...Object.entries(variables).map(([name, value]) => `${name}=${value}`), ...program, ...args]);

  const given = (text: string): readonly string[] => {
    const names = text.split('\n').map((line) => line.split('=', 1)[0] ?? '');
    return Object.keys(hostile).filter((name) => names.includes(name) && !['LANG', 'LC_ALL', 'TERM'].includes(name));
  };

  test('none of her variables reaches the command', async () => {
    const { code, stdout } = await withEnvironment(hostile, ['env']);
    expect({ code, given: given(stdout) }).toEqual({ code: 0, given: [] });
    expect(stdout).not.toContain('/home/alice/');
    expect(stdout).toMatch(/^SUDO_USER=alice$/m);
    expect(stdout).toMatch(/^SUDO_UID=20001$/m);
    expect(stdout).toMatch(/^PATH=[^\n]*\/usr\/bin/m);
    expect(stdout).toMatch(/^HOME=\/root$/m);
    expect(stdout).toMatch(/^USER=root$/m);
  });

  test('names that she may choose stay hers only when their values are plain', async () => {
    const { stdout } = await withEnvironment({ LANG: 'C.UTF-8', TERM: 'xterm-256color' }, ['env']);
    expect(stdout).toMatch(/^LANG=C\.UTF-8$/m);
    expect(stdout).toMatch(/^TERM=xterm-256color$/m);
  });

  test.each(Object.entries(hostile).filter(([name]) => !['LANG', 'LC_ALL', 'TERM', 'BELAY_REASON'].includes(name)))('%s does not come in by the command line or by -E', async (name, value) => {
    const runs = [
      await world.sudo('alice', ['-n', `${name}=${value}`, 'env']),
      await withEnvironment({ [name]: value }, [`--preserve-env=${name}`, 'env']),
    ];
    for (const { code, stdout } of runs) expect({ ran: code === 0, given: given(stdout) }).toEqual({ ran: code === 0, given: [] });
  });

  test('-E keeps none of them either', async () => {
    const { stdout } = await withEnvironment(hostile, ['-E', 'env']);
    expect(given(stdout)).toEqual([]);
  });

  test('what the variables would load or run leaves no mark', async () => {
    const commands = [['bash', '-c', 'true; date'], ['script', 'x'], ['/opt/belay/bin/node', '-e', '0'], ['perl', '-e', '0']];
    for (const command of commands) {
      expect(await withEnvironment(hostile, [...command])).toMatchObject({ code: 0 });
      await withEnvironment(hostile, ['-E', ...command]);
    }
    expect((await world.run(['sh', '-c', `ls ${mark}*`])).stdout).toBe('');
    // The marks do work: the same command with the same variables, without sudo.
    await withEnvironment({ BASH_ENV: hostile['BASH_ENV'] ?? '' }, ['bash', '-c', 'true; date'], []);
    expect((await world.run(['sh', '-c', `ls ${mark}*`])).stdout).toContain(mark);
  });
});
