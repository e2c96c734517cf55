import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, closeSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { LoginOrigin } from '@belay/core/policy';
import { pidfdOpen } from './libc.ts';
import { parseLink } from './lineage-proc.ts';
import { ancestorsOf } from './lineage-walk.ts';
import { loginOriginOf, terminalName } from './origin.ts';

const asRoot = process.getuid?.() === 0 ? describe : describe.skip;
const bash = existsSync('/bin/bash') ? realpathSync('/bin/bash') : '/bin/bash';
const UID = 65_534;
const UNSET = 4_294_967_295;
const STAY = 'echo $$; read x';

let folder: string;
let sessions: string;
let proc: string;
const started: ChildProcess[] = [];
const servers: Server[] = [];
const accepted: Socket[] = [];
beforeEach(() => {
  folder = mkdtempSync('/var/lib/belay-origin-');
  chmodSync(folder, 0o755);
  [sessions, proc] = [join(folder, 'sessions'), join(folder, 'proc')];
  for (const path of [sessions, proc]) mkdirSync(path);
});
afterEach(() => {
  // Every script ends when its standard input does.
  for (const child of started.splice(0)) child.stdin?.end();
  for (const socket of accepted.splice(0)) socket.destroy();
  for (const server of servers.splice(0)) server.close();
  rmSync(folder, { recursive: true });
});

/** A program and what runs below it: the program's own number, and the number of the one below, which it prints. */
async function start(file: string, script: string): Promise<{ readonly leader: number; readonly pid: number }> {
  const child = spawn(file, ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
  started.push(child);
  for await (const line of createInterface({ input: child.stdout })) return { leader: child.pid as number, pid: Number(line) };
  throw new Error(`${file} printed nothing`);
}

/** Root's shell, and below it one of somebody else's. */
const login = (file: string = bash, before: string = ''): ReturnType<typeof start> =>
  start(file, `${before} setpriv --reuid=${UID} --regid=${UID} --clear-groups ${bash} -c '${STAY}'; true`);

function program(name: string): string {
  copyFileSync(bash, join(folder, name));
  chmodSync(join(folder, name), 0o755);
  return join(folder, name);
}

async function listen(host: string): Promise<number> {
  const server = createServer((socket) => accepted.push(socket)).listen({ port: 0, host, ipv6Only: host === '::1' });
  servers.push(server);
  await new Promise((resolve, reject) => server.once('listening', resolve).once('error', reject));
  return (server.address() as { port: number }).port;
}

type Circumstances = { readonly group?: string; readonly auditSession?: number; readonly loginUid?: number; readonly terminal?: number };

/** The process's circumstances, which a test cannot have the machine's systemd and audit give. Who is above it is the kernel's word. */
function circumstances(pid: number, { group = '/', auditSession = UNSET, loginUid = UNSET, terminal = 0 }: Circumstances): void {
  mkdirSync(join(proc, `${pid}`), { recursive: true });
  writeFileSync(join(proc, `${pid}/cgroup`), `0::${group}\n`);
  writeFileSync(join(proc, `${pid}/sessionid`), `${auditSession}`);
  writeFileSync(join(proc, `${pid}/loginuid`), `${loginUid}`);
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  writeFileSync(join(proc, `${pid}/stat`), `${pid} (x) ${fields.with(4, `${terminal}`).join(' ')}`);
}

function session(id: string, facts: Record<string, string | number>): void {
  const all = { UID, USER: 'nobody', STATE: 'active', REMOTE: 0, TYPE: 'unspecified', CLASS: 'user', ...facts };
  writeFileSync(join(sessions, id), `# This is private data. Do not parse.\n${Object.entries(all).map(([name, value]) => `${name}=${value}\n`).join('')}`);
}

function originOf(pid: number, from: { readonly proc?: string } = {}): LoginOrigin | undefined {
  const pidfd = pidfdOpen(pid);
  try {
    return loginOriginOf(pid, pidfd, { proc, sessions, ancestorsOf, ...from });
  } finally {
    closeSync(pidfd);
  }
}

const scope = (id: string): string => `/user.slice/user-${UID}.slice/session-${id}.scope`;
const manager = `/user.slice/user-${UID}.slice/user@${UID}.service/app.slice/terminal.scope`;
const only = (kind: LoginOrigin['kind']): LoginOrigin => ({ kind, sourceAddress: undefined });
const TTY1 = { TYPE: 'tty', SEAT: 'seat0', TTY: 'tty1', VTNR: 1, SERVICE: 'login' };
const WAYLAND = { TYPE: 'wayland', SEAT: 'seat0', TTY: 'tty2', VTNR: 2, SERVICE: 'gdm-password' };
const SSH = { TYPE: 'tty', REMOTE: 1, REMOTE_HOST: '192.0.2.7', SERVICE: 'sshd' };

asRoot('below the leader of a login session', () => {
  test.each<[string, Record<string, string | number>, LoginOrigin | undefined]>([
    ['on a virtual console', TTY1, only('console')],
    ['on a serial line', { TYPE: 'tty', TTY: 'ttyS0', SERVICE: 'login' }, only('console')],
    ['in a graphical session of the seat', WAYLAND, only('desktop')],
    ['in X', { ...WAYLAND, TYPE: 'x11' }, only('desktop')],
    ['over ssh', SSH, { kind: 'ssh', sourceAddress: '192.0.2.7' }],
    ['over ssh and IPv6', { ...SSH, REMOTE_HOST: '2001:DB8:0::1' }, { kind: 'ssh', sourceAddress: '2001:db8::1' }],
    ['over ssh and IPv4-mapped', { ...SSH, REMOTE_HOST: '::ffff:192.0.2.7' }, { kind: 'ssh', sourceAddress: '192.0.2.7' }],
    ['over ssh by a name, which is its owner\'s word', { ...SSH, REMOTE_HOST: 'desk.example' }, only('ssh')],
    ['over ssh from this machine, which is not remote to logind', { ...SSH, REMOTE: 0, REMOTE_HOST: 'localhost' }, only('ssh')],
    ['of a scheduler', { CLASS: 'background', SERVICE: 'crond' }, only('service')],
    ['over another protocol', { ...TTY1, REMOTE: 1, REMOTE_HOST: '192.0.2.7', SERVICE: 'remote' }, undefined],
    ['in the browser', { TYPE: 'web', REMOTE: 1, SERVICE: 'cockpit' }, undefined],
    ['on a remote desktop, without a seat', { TYPE: 'x11', SERVICE: 'xrdp-sesman' }, undefined],
    ['on a pseudo-terminal', { ...TTY1, TTY: 'pts/3' }, undefined],
    ['on a pseudo-terminal of the old kind', { ...TTY1, TTY: 'ttyp0' }, undefined],
    ['of a greeter', { ...WAYLAND, CLASS: 'greeter' }, undefined],
    ['of a user manager', { CLASS: 'manager', SERVICE: 'systemd-user' }, undefined],
    ['of no class', { ...TTY1, CLASS: '' }, undefined],
    ['that is about to end', { ...TTY1, STATE: 'closing' }, undefined],
    ['of another login by the kernel\'s count', { ...TTY1, AUDIT: 8 }, undefined],
  ])('%s', async (_name, facts, expected) => {
    const { leader, pid } = await login();
    circumstances(pid, { group: scope('7'), auditSession: 7 });
    session('7', { LEADER: leader, AUDIT: 7, ...facts });
    expect(originOf(pid)).toEqual(expected);
  });

  test('the kernel\'s number of the login finds the session where the control group does not', async () => {
    const { leader, pid } = await start(bash, `echo ${UID} > /proc/self/loginuid; ${bash} -c '${STAY}'; true`);
    const number = readFileSync(`/proc/${pid}/sessionid`, 'latin1');
    expect(Number(number)).not.toBe(UNSET);
    session(number, { ...SSH, LEADER: leader, AUDIT: number });
    expect(originOf(pid, { proc: '/proc' })).toEqual({ kind: 'ssh', sourceAddress: '192.0.2.7' });
    session(number, { ...SSH, LEADER: leader, AUDIT: `${number}0` });
    expect(originOf(pid, { proc: '/proc' })).toBeUndefined();
  });

  test('SECURITY(T-11): what was left running in a session, or has the leader\'s number without being root\'s, is not the session\'s', async () => {
    const { pid } = await login();
    circumstances(pid, { group: scope('7') });
    const stranger = (await login()).leader;
    session('7', { ...TTY1, LEADER: stranger });
    expect(originOf(pid)).toBeUndefined();
    const reused = await start(bash, `exec setpriv --reuid=${UID} --clear-groups ${bash} -c "${bash} -c '${STAY}'; true"`.replaceAll('$$', '\\$\\$'));
    circumstances(reused.pid, { group: scope('8') });
    session('8', { ...TTY1, LEADER: reused.leader });
    expect(originOf(reused.pid)).toBeUndefined();
    session('8', { ...TTY1, LEADER: 1 });
    expect(originOf(reused.pid)).toBeUndefined();
  });

  test('SECURITY(T-11): a session file that is not root\'s alone says nothing', async () => {
    const { leader, pid } = await login();
    circumstances(pid, { group: scope('7') });
    session('7', { ...TTY1, LEADER: leader });
    expect(originOf(pid)).toEqual(only('console'));
    chmodSync(join(sessions, '7'), 0o666);
    expect(originOf(pid)).toBeUndefined();
    chmodSync(join(sessions, '7'), 0o644);
    chownSync(join(sessions, '7'), UID, 0);
    expect(originOf(pid)).toBeUndefined();
  });

  test('SECURITY(T-09): what the caller\'s environment says of a connection is not looked at', async () => {
    const { leader, pid } = await login(bash, 'export SSH_CONNECTION="203.0.113.9 1 192.0.2.1 22" SSH_CLIENT="203.0.113.9 1 22";');
    circumstances(pid, { group: scope('7') });
    session('7', { ...TTY1, LEADER: leader });
    expect(originOf(pid)).toEqual(only('console'));
  });

  test('without a name or address from logind, the connection of the leader tells', async () => {
    const port = await listen('127.0.0.1');
    const { leader, pid } = await login(bash, `exec 7<>/dev/tcp/127.0.0.1/${port};`);
    circumstances(pid, { group: scope('7') });
    session('7', { ...SSH, REMOTE_HOST: '', LEADER: leader });
    expect(originOf(pid)).toEqual({ kind: 'ssh', sourceAddress: '127.0.0.1' });
  });
});

asRoot('under a user\'s service manager', () => {
  test.each<[string, readonly Record<string, string | number>[], LoginOrigin | undefined]>([
    ['of somebody who is on the desktop', [WAYLAND, { CLASS: 'manager', SERVICE: 'systemd-user' }], only('desktop')],
    ['of somebody who is on the desktop, and somebody else over ssh', [WAYLAND, { ...SSH, UID: 1 }], only('desktop')],
    ['of somebody who is over ssh too', [WAYLAND, SSH], undefined],
    ['of somebody who was over ssh and left something', [WAYLAND, { ...SSH, STATE: 'closing' }], undefined],
    ['of somebody who is over ssh', [SSH], undefined],
    ['of somebody who is on a console', [TTY1], undefined],
    ['of somebody who is nowhere', [{ ...WAYLAND, UID: 1 }], undefined],
    ['of somebody of whom there is a session without a user', [WAYLAND, { UID: '' }], only('desktop')],
  ])('%s', async (_name, all, expected) => {
    const { pid } = await login();
    circumstances(pid, { group: manager });
    all.forEach((facts, at) => session(`${at + 1}`, facts));
    expect(originOf(pid)).toEqual(expected);
    // Pipes lie beside the sessions.
    writeFileSync(join(sessions, '1.ref'), '');
    expect(originOf(pid)).toEqual(expected);
    writeFileSync(join(sessions, 'c9'), 'STATE=active\n');
    expect(originOf(pid)).toBeUndefined();
  });

  test('what a terminal of a desktop\'s started by way of an orphan is the desktop\'s still', async () => {
    const { pid } = await login();
    circumstances(pid, { group: scope('1') });
    session('1', { ...WAYLAND, LEADER: 1 });
    expect(originOf(pid)).toEqual(only('desktop'));
    session('2', { ...SSH, LEADER: 1 });
    expect(originOf(pid)).toBeUndefined();
  });
});

asRoot('without a login session', () => {
  test.each([['127.0.0.1', '127.0.0.1'], ['::1', '::1'], ['::ffff:127.0.0.1', '127.0.0.1']])('below an ssh server with a connection from %s', async (host, address) => {
    const port = await listen(host === '::1' ? '::1' : '127.0.0.1');
    const { pid } = await login(program('sshd-session'), `exec 7<>/dev/tcp/${host}/${port};`);
    circumstances(pid, { group: '/system.slice/ssh.service', terminal: 34_816 });
    expect(originOf(pid)).toEqual({ kind: 'ssh', sourceAddress: address });
    circumstances(pid, {});
    expect(originOf(pid)).toEqual({ kind: 'ssh', sourceAddress: address });
  });

  test('a server with two connections, or none, leaves the address open', async () => {
    const [first, second] = [await listen('127.0.0.1'), await listen('::1')];
    const { pid } = await login(program('sshd'), `exec 7<>/dev/tcp/127.0.0.1/${first} 8<>/dev/tcp/::1/${second};`);
    circumstances(pid, {});
    expect(originOf(pid)).toEqual(only('ssh'));
    const none = await login(join(folder, 'sshd'));
    circumstances(none.pid, {});
    expect(originOf(none.pid)).toEqual(only('ssh'));
  });

  test('SECURITY(T-11): a user\'s own program called sshd is no server of the machine\'s, nor one in a folder of his', async () => {
    const server = program('sshd');
    const port = await listen('127.0.0.1');
    const script = `exec 7<>/dev/tcp/127.0.0.1/${port}; ${bash} -c '${STAY}'; true`;
    const own = await start(bash, `exec setpriv --reuid=${UID} --clear-groups ${server} -c "${script.replaceAll('$$', '\\$\\$')}"`);
    circumstances(own.pid, {});
    expect(originOf(own.pid)).toBeUndefined();
    chmodSync(folder, 0o777);
    const { pid } = await login(server, `exec 7<>/dev/tcp/127.0.0.1/${port};`);
    circumstances(pid, {});
    expect(originOf(pid)).toBeUndefined();
    chmodSync(folder, 0o755);
    expect(originOf(pid)).toEqual({ kind: 'ssh', sourceAddress: '127.0.0.1' });
  });

  test.each<[string, Circumstances, LoginOrigin | undefined]>([
    ['a service of the system\'s', { group: '/system.slice/backup.service' }, only('service')],
    ['a service in a slice of its own', { group: '/system.slice/system-backup.slice/backup@1.service' }, only('service')],
    ['a service in which somebody logged in', { group: '/system.slice/backup.service', loginUid: UID }, undefined],
    ['a service with a terminal', { group: '/system.slice/backup.service', terminal: 34_816 }, undefined],
    ['what is left of a login without logind', { group: '/system.slice/ssh.service' }, undefined],
    ['a getty', { group: '/system.slice/system-getty.slice/getty@tty1.service' }, undefined],
    ['a container', { group: '/system.slice/docker-0a.scope' }, undefined],
    ['no service manager', { group: '/' }, undefined],
  ])('%s', async (_name, place, expected) => {
    const { pid } = await login();
    circumstances(pid, place);
    expect(originOf(pid)).toEqual(expected);
  });

  test('what a login that has its session elsewhere left in a service is no service\'s', async () => {
    const { leader, pid } = await login();
    circumstances(pid, { group: '/system.slice/backup.service', auditSession: 7 });
    expect(originOf(pid)).toEqual(only('service'));
    session('7', { ...SSH, AUDIT: 7, LEADER: 1 });
    expect(originOf(pid)).toBeUndefined();
    session('7', { ...SSH, AUDIT: 7, LEADER: leader });
    expect(originOf(pid)).toEqual({ kind: 'ssh', sourceAddress: '192.0.2.7' });
  });

  test('a job of the scheduler is a service, whoever it is for', async () => {
    const { pid } = await login(program('cron'));
    circumstances(pid, { group: '/system.slice/cron.service', loginUid: UID, auditSession: 12 });
    expect(originOf(pid)).toEqual(only('service'));
    const other = await login(program('corn'));
    circumstances(other.pid, { group: '/system.slice/cron.service', loginUid: UID, auditSession: 12 });
    expect(originOf(other.pid)).toBeUndefined();
  });

  test('nothing is said of who is gone, or of whom not all is known', async () => {
    const { pid } = await login();
    circumstances(pid, { group: '/system.slice/backup.service' });
    expect(originOf(pid)).toEqual(only('service'));
    const pidfd = pidfdOpen(pid);
    const read = (chain: ReturnType<typeof ancestorsOf>): LoginOrigin | undefined => loginOriginOf(pid, pidfd, { proc, sessions, ancestorsOf: () => chain });
    const chain = ancestorsOf(pid, pidfd);
    if (chain === undefined) throw new Error('nobody is above');
    expect(read(chain)).toEqual(only('service'));
    expect(read({ ...chain, complete: false })).toBeUndefined();
    expect(read(undefined)).toBeUndefined();
    rmSync(join(proc, `${pid}/loginuid`));
    expect(read(chain)).toBeUndefined();
    circumstances(pid, { group: '/system.slice/backup.service' });
    const gone = new Promise((resolve) => started[0]?.once('exit', resolve));
    started[0]?.stdin?.end();
    await gone;
    expect(read(chain)).toBeUndefined();
    closeSync(pidfd);
  });
});

test('a terminal is called what its device number says', () => {
  expect([34_816, 34_819, 136 * 256 + 0x10_0005, 1025, 1088, 1281, 229 * 256, 204 * 256 + 65, 0, 2048].map(terminalName)).toEqual([
    'pts/0', 'pts/3', 'pts/261', 'tty1', 'ttyS0', 'console', 'hvc0', 'ttyAMA1', undefined, undefined,
  ]);
});

test('a real pseudo-terminal is called what tty(1) calls it', () => {
  const { stdout } = spawnSync('script', ['-qec', 'tty; cat /proc/self/stat', '/dev/null'], { encoding: 'latin1', stdio: ['ignore', 'pipe', 'inherit'] });
  const [name, stat] = stdout.split('\r\n');
  expect(`/dev/${terminalName(parseLink(stat ?? '')?.terminal ?? 0)}`).toBe(name);
});
