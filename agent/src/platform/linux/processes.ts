import { closeSync, constants, fstatSync, openSync, readdirSync, readlinkSync, writeSync } from 'node:fs';
import type { Processes, ProcessId } from '../platform.ts';
import { pidfdOpen, pidfdSignal } from './libc.ts';
import { readStat } from './proc.ts';
import { parseLink, readKernelFile } from './lineage-proc.ts';

const SIGKILL = 9;
const SIGTERM = 15;
/** How often it is looked for what was begun meanwhile. */
const MOST_ROUNDS = 50;

type Entry = ProcessId & { readonly parent: number };

/**
 * A process and all that it has begun, as far as /proc shows that they belong together. Signals go by handle: a number that was given to
 * another process meanwhile is not hit.
 */
export function createProcesses(): Processes {
  return {
    identify(pid) {
      const start = readStat(pid)?.startTicks;
      return start === undefined ? undefined : { pid, startTicks: start };
    },
    isAlive: (process) => isSame(process),
    async end(root, { graceMs, spared, pause }) {
      const known = new Map<number, Entry>();
      note(known, treeOf([root]));
      signalAll(known.values(), SIGTERM);
      await untilGone(known, graceMs, pause);
      note(known, treeOf([...known.values()]));
      killAll(known, (entry) => isSpared(entry, root, spared));
      // What tells how it ended needs a moment for that; then it goes as well.
      await untilGone(known, TELLING_MS, pause);
      note(known, treeOf([...known.values()]));
      killAll(known, () => false);
      return known.size;
    },
    tell,
  };
}

const TELLING_MS = 1000;
const LOOK_MS = 20;

async function untilGone(known: ReadonlyMap<number, Entry>, limitMs: number, pause: (ms: number) => Promise<void>): Promise<void> {
  for (let waited = 0; waited < limitMs && [...known.values()].some(isSame); waited += LOOK_MS) await pause(LOOK_MS);
}

/**
 * sudo, which waits for the command and says how it ended, with its own process between them where the command has a terminal of its
 * own; or the keeper beside a command that sudo became.
 */
function isSpared(entry: Entry, root: ProcessId, spared: 'root' | 'keeper'): boolean {
  if (spared === 'root') return entry.pid === root.pid || (entry.parent === root.pid && isSameProgram(entry.pid, root.pid));
  return entry.parent === root.pid && readKernelFile(`/proc/${entry.pid}/comm`)?.trim() === 'belay-session';
}

function isSameProgram(one: number, other: number): boolean {
  try {
    return readlinkSync(`/proc/${one}/exe`) === readlinkSync(`/proc/${other}/exe`);
  } catch {
    return false;
  }
}

function note(known: Map<number, Entry>, found: readonly Entry[]): void {
  // Whose child it was when it was first seen: once the parent is gone it is another's.
  for (const entry of found) if (known.get(entry.pid)?.startTicks !== entry.startTicks) known.set(entry.pid, entry);
}

/**
 * Again until nothing new is found, as they may begin others meanwhile. None is stopped first: sudo, and a shell above, would take that
 * for the person's own Ctrl-Z.
 */
function killAll(known: Map<number, Entry>, isLeft: (entry: Entry) => boolean): void {
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const before = known.size;
    signalAll([...known.values()].filter((entry) => !isLeft(entry)), SIGKILL);
    note(known, treeOf([...known.values()]));
    if (known.size === before) break;
  }
}

function signalAll(processes: Iterable<ProcessId>, signal: number): void {
  for (const process of processes) send(process, signal);
}

function send(process: ProcessId, signal: number): void {
  const handle = pidfdOpen(process.pid);
  if (handle < 0) return;
  // Looked at after the handle was opened: then it is the handle of this very process.
  if (isSame(process)) pidfdSignal(handle, signal);
  closeSync(handle);
}

/** Not ended yet: one that nobody has looked after is no more than its number. */
function isSame({ pid, startTicks }: ProcessId): boolean {
  const stat = readKernelFile(`/proc/${pid}/stat`, 4096);
  if (stat === undefined || parseLink(stat)?.startTicks !== startTicks) return false;
  return !['Z', 'X'].includes(stat.charAt(stat.lastIndexOf(')') + 2));
}

/** Those that are still there, and what descends from them now. */
function treeOf(roots: readonly ProcessId[]): readonly Entry[] {
  const all = readAll();
  const children = new Map<number, Entry[]>();
  for (const entry of all.values()) children.set(entry.parent, [...(children.get(entry.parent) ?? []), entry]);
  const found = new Map<number, Entry>();
  const queue = roots.flatMap(({ pid, startTicks }) => {
    const entry = all.get(pid);
    return entry?.startTicks === startTicks ? [entry] : [];
  });
  for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
    if (found.has(entry.pid)) continue;
    found.set(entry.pid, entry);
    queue.push(...(children.get(entry.pid) ?? []));
  }
  return [...found.values()];
}

function readAll(): ReadonlyMap<number, Entry> {
  const all = new Map<number, Entry>();
  for (const name of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(name)) continue;
    const stat = readKernelFile(`/proc/${name}/stat`, 4096);
    const link = stat === undefined ? undefined : parseLink(stat);
    if (link !== undefined) all.set(Number(name), { pid: Number(name), parent: link.parent, startTicks: link.startTicks });
  }
  return all;
}

/**
 * One line on the terminal that a process has now, as write(1) would. SECURITY(T-29): the caller's text is inert. Only a terminal of
 * this machine's own is opened: the kernel's number for it, in our own folder of pseudo-terminals.
 */
function tell(process: ProcessId, line: string): void {
  const terminal = readStat(process.pid)?.terminal ?? 0;
  const path = isSame(process) ? terminalPath(terminal) : undefined;
  if (path === undefined) return;
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_WRONLY | constants.O_NOCTTY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    if (fstatSync(fd).isCharacterDevice() && fstatSync(fd).rdev === deviceOf(terminal)) writeSync(fd, `\r\n${line}\r\n`);
  } catch {
    // Nobody is there to read it.
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** As tty_nr of proc(5) packs it. */
function majorOf(terminal: number): number {
  return (terminal >>> 8) & 0xfff;
}

function minorOf(terminal: number): number {
  return (terminal & 0xff) | ((terminal >>> 12) & 0xfff00);
}

function deviceOf(terminal: number): number {
  return (majorOf(terminal) << 8) | (minorOf(terminal) & 0xff) | ((minorOf(terminal) & 0xfff00) << 12);
}

function terminalPath(terminal: number): string | undefined {
  const major = majorOf(terminal);
  // The kernel numbers them all under the first of the eight major numbers.
  if (major === 136) return `/dev/pts/${minorOf(terminal)}`;
  return major === 4 ? `/dev/tty${minorOf(terminal)}` : undefined;
}
