// A world with people in it and nothing else: where every program of a test runs.
import { type Channel, type End, openChannel, type SpawnOptions, type WorldProcess } from './channel.ts';
import { type Person, settlePeople } from './people.ts';
import { openTerminal, type Terminal } from './terminal.ts';

export const worldNode = '/opt/belay/bin/node';
export const worldRepo = '/opt/belay/repo';
const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export type Ran = { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly stdout: string; readonly stderr: string };
export type RunOptions = SpawnOptions & { readonly input?: string; readonly timeoutMs?: number };
export type WaitOptions = { readonly timeoutMs?: number; readonly what?: string };

export type Place = {
  /** As root, with root's plain environment. */
  readonly spawn: (argv: readonly string[], options?: SpawnOptions) => WorldProcess;
  readonly run: (argv: readonly string[], options?: RunOptions) => Promise<Ran>;
  /** A root shell script; throws unless it ends with 0. Answers its stdout. */
  readonly shell: (script: string, options?: RunOptions) => Promise<string>;
  readonly spawnAs: (user: string, argv: readonly string[], options?: SpawnOptions) => WorldProcess;
  readonly runAs: (user: string, argv: readonly string[], options?: RunOptions) => Promise<Ran>;
  /** On a terminal of its own: what it prints can be waited for, and answered. */
  readonly terminalAs: (user: string, argv: readonly string[], options?: SpawnOptions) => Terminal;
  readonly sudo: (user: Person | 'root', args: readonly string[], options?: RunOptions) => Promise<Ran>;
  readonly readFile: (file: string) => Promise<string>;
  readonly writeFile: (file: string, content: string, mode?: string) => Promise<void>;
  readonly waitFor: <T>(condition: () => Promise<T | undefined | false> | T | undefined | false, options?: WaitOptions) => Promise<T>;
  readonly hostPid: () => number;
  readonly close: () => Promise<void>;
};

export async function openPlace(options: { readonly ownNetwork?: boolean } = {}): Promise<Place> {
  const channel = await openChannel({ ownNetwork: options.ownNetwork ?? true });
  const place = placeIn(channel);
  try {
    await place.shell(settlePeople());
  } catch (error) {
    await channel.close();
    throw error;
  }
  return place;
}

function placeIn(channel: Channel): Place {
  const spawn: Place['spawn'] = (argv, options = {}) => {
    const [file = '', ...args] = argv;
    return channel.spawn(file, args, { ...options, env: { ...environmentOf('root'), ...options.env } });
  };
  const spawnAs: Place['spawnAs'] = (user, argv, options = {}) =>
    spawn(commandAs(user, argv), { ...options, cwd: options.cwd ?? homeOf(user), env: { ...environmentOf(user), ...options.env } });
  const run: Place['run'] = async (argv, options = {}) => await finish(spawn(argv, options), argv, options);
  const runAs: Place['runAs'] = async (user, argv, options = {}) => await finish(spawnAs(user, argv, options), argv, options);
  const shell: Place['shell'] = async (script, options = {}) => {
    const ran = await run(['sh', '-euc', script], options);
    if (ran.code !== 0) throw new Error(`a script of the world failed (${ran.code ?? ran.signal}): ${ran.stderr.trim()}`);
    return ran.stdout;
  };
  return {
    spawn, spawnAs, run, runAs, shell,
    terminalAs: (user, argv, options = {}) => openTerminal(spawnAs(user, ['script', '-qefc', shellQuoted(argv), '/dev/null'], options)),
    sudo: (user, args, options) => runAs(user, ['sudo', ...args], options),
    readFile: async (file) => await shell('cat -- "$BELAY_FILE"', { env: { BELAY_FILE: file } }),
    writeFile: async (file, content, mode = '0644') => {
      const env = { BELAY_FILE: file, BELAY_MODE: mode };
      await shell('mkdir -p "$(dirname "$BELAY_FILE")" && cat >"$BELAY_FILE" && chmod "$BELAY_MODE" "$BELAY_FILE"', { env, input: content });
    },
    waitFor,
    hostPid: channel.hostPid,
    close: channel.close,
  };
}

/** Asks again every 25 ms until the condition holds; throws, with `what`, when it never does. */
export async function waitFor<T>(condition: () => Promise<T | undefined | false> | T | undefined | false, options: WaitOptions = {}): Promise<T> {
  const { timeoutMs = 40_000, what = 'a condition' } = options;
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

function homeOf(user: string): string {
  return user === 'root' ? '/root' : ['alice', 'bob', 'carol'].includes(user) ? `/home/${user}` : '/';
}

function environmentOf(user: string): Record<string, string> {
  return { PATH: path, HOME: homeOf(user), USER: user, LOGNAME: user, SHELL: '/bin/bash', LANG: 'C.UTF-8', TERM: 'xterm' };
}

export function commandAs(user: string, argv: readonly string[]): readonly string[] {
  return user === 'root' ? argv : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', '--', ...argv];
}

export function shellQuoted(argv: readonly string[]): string {
  return argv.map((part) => (/^[\w/.:=@%+,-]+$/.test(part) ? part : `'${part.replaceAll("'", String.raw`'\''`)}'`)).join(' ');
}

async function finish(running: WorldProcess, argv: readonly string[], options: RunOptions): Promise<Ran> {
  const { input, timeoutMs = 60_000 } = options;
  if (input !== undefined) running.write(input);
  running.endInput();
  const end = await endWithin(running, timeoutMs);
  if (end === undefined) {
    running.signal('SIGKILL', { group: true });
    await running.ended;
    const { stdout, stderr } = running.output();
    throw new Error(`${shellQuoted(argv)} did not end within ${timeoutMs} ms\n${stdout}${stderr}`);
  }
  if (end.error !== undefined) throw new Error(`${shellQuoted(argv)}: ${end.error}`);
  return { code: end.code, signal: end.signal, ...running.output() };
}

export async function endWithin(running: WorldProcess, timeoutMs: number): Promise<End | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => { timer = setTimeout(() => resolve(undefined), timeoutMs); });
  try {
    return await Promise.race([running.ended, late]);
  } finally {
    clearTimeout(timer);
  }
}
