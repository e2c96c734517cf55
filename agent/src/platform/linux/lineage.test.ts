import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, closeSync, copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ByteString } from '@belay/core/bytes';
import { pidfdOpen } from './libc.ts';
import { isOfSystem, judge, type LineageDeps, lineageOf, type LineageReading, parseSession, sessionOf } from './lineage.ts';
import { parseControlGroup, parseLink, parseUids } from './lineage-proc.ts';
import { type Ancestor, ancestorsOf, type Chain } from './lineage-walk.ts';

const asRoot = process.getuid?.() === 0 ? describe : describe.skip;
const shell = realpathSync('/bin/sh');
const perl = existsSync('/usr/bin/perl') ? realpathSync('/usr/bin/perl') : undefined;
const NOBODY = 65534;
const allRootIsSystem: LineageDeps = { isOfSystem: ({ uids }) => uids.every((uid) => uid === 0) };

let folder: string;
const started: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync('/var/lib/belay-lineage-');
  chmodSync(folder, 0o755);
});
afterEach(() => {
  // Every script ends when its standard input does.
  for (const child of started.splice(0)) child.stdin?.end();
  rmSync(folder, { recursive: true });
});

/** Starts a program, and answers the process number it prints once all is in place. */
async function start(file: string, args: readonly string[]): Promise<number> {
  const child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  started.push(child);
  for await (const line of createInterface({ input: child.stdout })) return Number(line);
  throw new Error(`${file} printed nothing`);
}

const asNobody = (file: string, args: readonly string[]): [string, readonly string[]] => ['setpriv', [`--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', file, ...args]];

function look(pid: number, deps: LineageDeps = allRootIsSystem): LineageReading | undefined {
  const pidfd = pidfdOpen(pid);
  try {
    const chain = ancestorsOf(pid, pidfd);
    return chain === undefined ? undefined : judge(withoutMachine(chain), deps);
  } finally {
    closeSync(pidfd);
  }
}

/** What is between this test and pid 1 depends on who runs it. */
function withoutMachine({ ancestors, complete }: Chain): Chain {
  const self = ancestors.findIndex(({ pid }) => pid === process.pid);
  return { ancestors: ancestors.filter(({ pid }, at) => self === -1 || at <= self || pid === 1), complete };
}

/** What the lower shell of each scene does: says who it is, and stays. */
const STAY = 'echo $$; read x';
const INNER = `sh -c '${STAY}'; true`;

const names = (lineage: LineageReading | undefined): readonly string[] => lineage?.processes.map(({ executable }) => executable) ?? [];

async function until(condition: () => boolean): Promise<void> {
  for (const deadline = Date.now() + 60_000; !condition(); ) {
    if (Date.now() > deadline) throw new Error('it did not come about');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function parentOf(pid: number): number {
  try {
    return parseLink(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.parent ?? -1;
  } catch {
    return -1; // it has ended
  }
}

asRoot('the processes above a request', () => {
  test('parent first, each with the file it runs and who it is', async () => {
    const pid = await start(...asNobody('sh', ['-c', INNER]));
    const lineage = look(pid);
    const { dev, ino } = statSync(shell, { bigint: true });
    expect(lineage?.processes.slice(0, 2)).toEqual([
      { executable: shell, device: dev, inode: ino, uid: NOBODY },
      expect.objectContaining({ executable: readlinkSync('/proc/self/exe'), uid: 0 }),
    ]);
    expect(lineage?.processes).toHaveLength(3);
    const pidfd = pidfdOpen(pid);
    expect(lineageOf(pid, pidfd, allRootIsSystem)?.processes.slice(0, 2)).toEqual(lineage?.processes.slice(0, 2));
    closeSync(pidfd);
  });

  test('it is whole where all of them are the system\'s; others in between leave it unbroken; without anybody of the system it is neither', async () => {
    const ofRoot = await start('sh', ['-c', INNER]);
    expect(look(ofRoot)).toMatchObject({ whole: true, unbroken: true });
    const ofOther = await start(...asNobody('sh', ['-c', INNER]));
    expect(look(ofOther)).toMatchObject({ whole: false, unbroken: true });
    expect(look(ofRoot, { isOfSystem: () => false })).toMatchObject({ whole: false, unbroken: false });
  });

  test('an orphan is under whoever adopted it, and then nobody says who its parent was', async () => {
    const pid = await start(...asNobody('sh', ['-c', `(sh -c '${STAY}' <&3 &) 3<&0`]));
    await until(() => parentOf(pid) === 1);
    const lineage = look(pid);
    expect(lineage?.processes).toHaveLength(1);
    expect(lineage).toMatchObject({ whole: false, unbroken: false });
  });

  (perl === undefined ? test.skip : test)('SECURITY(T-11): one that adopts and then hides it is above, but not to be taken for the parent', async () => {
    const prctl = process.arch === 'arm64' ? 167 : 157;
    const script = `
      syscall(${prctl}, 36, 1, 0, 0, 0) == 0 or die; pipe(R, W);
      if (!fork) { if (!fork) { close(W); <R>; exec "sh", "-c", '${STAY}' } exit 0 }
      wait; syscall(${prctl}, 36, 0, 0, 0, 0); close(R); close(W); wait`;
    const pid = await start(...asNobody('/usr/bin/perl', ['-e', script]));
    const lineage = look(pid);
    expect(names(lineage)[0]).toBe(perl);
    expect(lineage?.whole).toBe(false);
  });

  test('SECURITY(T-11): one that starts a child and then becomes another program is not to be taken for the parent', async () => {
    const tool = join(folder, 'trusted');
    copyFileSync('/bin/cat', tool);
    chmodSync(tool, 0o755);
    const pid = await start(...asNobody('sh', ['-c', `exec 3<&0; sh -c '${STAY}' <&3 & exec ${tool} <&3`]));
    await until(() => names(look(pid))[0] === tool);
    expect(look(pid)?.whole).toBe(false);
  });

  test('SECURITY(T-11): a replaced or deleted executable has no name, and could be any', async () => {
    const tool = join(folder, 'tool');
    copyFileSync(shell, tool);
    chmodSync(tool, 0o755);
    const pid = await start(tool, ['-c', INNER]);
    const { ino, dev } = statSync(tool, { bigint: true });
    expect(look(pid)).toMatchObject({ whole: true, processes: expect.arrayContaining([expect.objectContaining({ executable: tool, inode: ino })]) });
    copyFileSync(shell, `${tool}.new`);
    renameSync(`${tool}.new`, tool);
    expect(look(pid)?.processes[0]).toEqual({ executable: '', device: dev, inode: ino, uid: 0 });
    expect(look(pid)).toMatchObject({ whole: false, unbroken: false });
    rmSync(tool);
    expect(names(look(pid))[0]).toBe('');
    // A file that is really called what the kernel shows of a deleted one.
    writeFileSync(`${tool} (deleted)`, '');
    expect(names(look(pid))[0]).toBe('');
  });

  test('SECURITY(T-11): a file that has another name in a mount namespace of its own does not pass for what we have there', async () => {
    const tool = join(folder, 'tool');
    copyFileSync(shell, tool);
    chmodSync(tool, 0o755);
    const pid = await start('unshare', ['-m', 'sh', '-c', `mount --bind ${tool} /usr/bin/id && exec /usr/bin/id -c "${INNER.replaceAll('$', '\\$')}"`]);
    expect(readlinkSync(`/proc/${parentOf(pid)}/exe`)).toBe('/usr/bin/id');
    const lineage = look(pid);
    expect(lineage?.processes[0]).toMatchObject({ executable: '', inode: statSync(tool, { bigint: true }).ino });
    expect(lineage?.whole).toBe(false);
  });

  test('SECURITY(T-03): nothing is said of another pid namespace, nor of what was put into ours from outside', async () => {
    await start('unshare', ['--pid', '--fork', 'sh', '-c', STAY]);
    const unshare = started[0]?.pid as number;
    await until(() => childrenOf(unshare).length === 1);
    expect(look(childrenOf(unshare)[0] as number)).toBeUndefined();
    expect(look(unshare)).toBeDefined();
  });

  test('a process that is gone has nobody above it', async () => {
    const pid = await start('sh', ['-c', STAY]);
    const pidfd = pidfdOpen(pid);
    const gone = new Promise((resolve) => started[0]?.once('exit', resolve));
    started[0]?.stdin?.end();
    await gone;
    expect(lineageOf(pid, pidfd)).toBeUndefined();
    // Its number may be another's by then.
    expect(lineageOf(process.pid, pidfd)).toBeUndefined();
    closeSync(pidfd);
    expect(lineageOf(2 ** 30, -1)).toBeUndefined();
  });

  test('a long line of processes is cut, and not whole', async () => {
    const nest = join(folder, 'nest');
    writeFileSync(nest, `[ "$1" -eq 0 ] && { ${STAY}; exit; }\nsh ${nest} $(($1 - 1)); true\n`);
    const lineage = look(await start('sh', [nest, '80']));
    expect(lineage?.processes).toHaveLength(64);
    expect(lineage).toMatchObject({ whole: false, unbroken: false });
  });
});

function childrenOf(pid: number): readonly number[] {
  return readdirSync('/proc').map(Number).filter((number) => number > 0 && parentOf(number) === pid);
}

const ROOT = [0, 0, 0, 0] as const;
const someone = (pid: number, system: boolean, executable = '/x'): Ancestor & { readonly system: boolean } => ({
  pid, startTicks: 1, uids: ROOT, executable: executable as ByteString, device: 1n, inode: 1n, system,
});

test('whole is never without unbroken, and neither without a name for each or a process of the system under pid 1', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.boolean()), { maxLength: 6 }), fc.boolean(), (kinds, complete) => {
      const ancestors = [...kinds.map(([system, named], at) => someone(at + 2, system, named ? '/x' : '')), someone(1, true)];
      const judged = judge({ ancestors, complete }, { isOfSystem: (one) => 'system' in one && one.system === true });
      const told = complete && kinds.every(([, named]) => named);
      expect(judged.whole).toBe(told && kinds.length > 0 && kinds.every(([system]) => system));
      expect(judged.unbroken).toBe(told && kinds.at(-1)?.[0] === true);
    }),
  );
});

test.each([
  ['a system service', '0::/system.slice/cron.service\n', true],
  ['a service in a slice of its own', '0::/system.slice/system-sshd.slice/sshd@1.service\n', true],
  ['a part of a service', '12:pids:/x\n1:name=systemd:/system.slice/cron.service/job\n0::/\n', true],
  ['the leader of a session', '0::/user.slice/user-1000.slice/session-7.scope\n', true],
  ['the leader of no session', '0::/user.slice/user-1000.slice/session-8.scope\n', false],
  ['a session without a file', '0::/user.slice/user-1000.slice/session-9.scope\n', false],
  ['a user\'s service', '0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service\n', false],
  ['a user\'s folder that looks like the system\'s', '0::/user.slice/user-1000.slice/user@1000.service/system.slice/cron.service\n', false],
  ['a container', '0::/system.slice/docker-0a.scope\n', false],
  ['a path out of its own namespace', '0::/../system.slice/cron.service\n', false],
  ['no systemd', '0::/\n', false],
  ['nothing', undefined, false],
])('root in %s', (_name, groups, expected) => {
  const sessions = mkdtempSync('/tmp/belay-sessions-');
  writeFileSync(join(sessions, '7'), 'UID=1000\nLEADER=42\n');
  writeFileSync(join(sessions, '8'), 'UID=1000\nLEADER=43\n');
  expect(isOfSystem({ pid: 42, uids: ROOT }, groups, sessions)).toBe(expected);
  expect(isOfSystem({ pid: 42, uids: [1000, 0, 0, 0] }, groups, sessions)).toBe(false);
  chmodSync(join(sessions, '7'), 0o666);
  if (groups?.includes('session-7') === true) expect(isOfSystem({ pid: 42, uids: ROOT }, groups, sessions)).toBe(false);
  rmSync(sessions, { recursive: true });
});

test('a stat gives parent, terminal and start, whatever the program is called', () => {
  const rest = `S 77 10 4711 34816 10 4194304 ${'0 '.repeat(12)}98765 0 0`;
  expect(parseLink(`10 (sudo) ${rest}`)).toEqual({ parent: 77, terminal: 34816, startTicks: 98765 });
  expect(parseLink(`10 (a) S 1 2 3 4 5) ${rest}`)).toEqual({ parent: 77, terminal: 34816, startTicks: 98765 });
  for (const bad of ['', '10 (sudo', '10 (sudo) S -1 2 3 4', '10 (sudo) S 1 2 3 x 5']) expect(parseLink(bad)).toBeUndefined();
});

test('four uids or none', () => {
  expect(parseUids('Name:\tx\nUid:\t2001\t0\t0\t4294967294\nGid:\t')).toEqual([2001, 0, 0, 4_294_967_294]);
  for (const bad of ['', 'Uid:\t0\t0\t0\t0\n', '\nUid:\t0\t0\t0\n', '\nUid:\t-1\t0\t0\t0\n']) expect(parseUids(bad)).toBeUndefined();
});

test('a session is told by the folders that are systemd\'s', () => {
  expect(sessionOf('/user.slice/user-1000.slice/session-c2.scope')).toEqual({ id: 'c2', uid: 1000 });
  expect(sessionOf('/user.slice/user-1000.slice/session-7.scope/deeper')).toEqual({ id: '7', uid: 1000 });
  for (const other of ['', '/', '/a/user.slice/user-1.slice/session-7.scope', '/user.slice/user-1.slice/user@1.service/session-7.scope', '/user.slice/user-1.slice/session-..scope', '/user.slice/user-1.slice/session-7.scoped']) {
    expect(sessionOf(other)).toBeUndefined();
  }
});

test('no text makes a parser fail, and what it gives is within bounds', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.array(fc.constantFrom('0::', '\n', '/', '..', 'name=systemd', ':', 'Uid:', '\t', '12', '(', ') ', 'S ', '-', 'UID=', '=')).map((parts) => parts.join('')));
  fc.assert(
    fc.property(text, (given) => {
      expect(parseUids(given)?.every((uid) => uid >= 0) ?? true).toBe(true);
      const link = parseLink(given);
      if (link !== undefined) expect([link.parent, link.terminal, link.startTicks].every((value) => Number.isSafeInteger(value) && value >= 0)).toBe(true);
      const group = parseControlGroup(given) ?? '/x';
      expect(group.startsWith('/') && !group.includes('\n') && !group.split('/').includes('..')).toBe(true);
      for (const [name, value] of parseSession(given)) expect(`${name}${value}`).not.toContain('\n');
    }),
    { numRuns: 2000 },
  );
});
