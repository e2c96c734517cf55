import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ensureDebian, withTree } from '../../../../tools/debian.mjs';
import type { ByteString } from '@belay/core/bytes';
import type { Account, Group } from '../platform.ts';
import { createNameService, type Finders, type NameService, type NameServiceDeps } from './name-service.ts';
import type { Found } from './nss.ts';

const possible = process.getuid?.() === 0 && existsSync('/var/lib/dpkg/status');
const never = new AbortController().signal;
const here = fileURLToPath(new URL('name-service.ts', import.meta.url));

/** A name service that answers when it is told to. */
type Asked = { readonly question: string; readonly answer: (value: Found<Account & Group> | readonly number[]) => void; readonly fail: () => void };

function scene(changed: Partial<NameServiceDeps> = {}): { readonly names: NameService; readonly asked: Asked[]; bootMs: number; answer(value: Found<Account & Group> | readonly number[]): Promise<void> } {
  const asked: Asked[] = [];
  const ask = (question: string): Promise<never> => new Promise<never>((resolve, reject) => {
    asked.push({ question, answer: resolve as unknown as Asked['answer'], fail: () => reject(new Error('fault')) });
  });
  const finders: Finders = {
    userByName: (name) => ask(`user ${name}`),
    userById: (uid) => ask(`uid ${uid}`),
    groupByName: (name) => ask(`group ${name}`),
    groupById: (gid) => ask(`gid ${gid}`),
    groupsOf: ({ name }) => ask(`groups of ${name}`),
  };
  const state = { asked, bootMs: 0 };
  const names = createNameService({ bootMs: () => state.bootMs, finders, freshMs: 60_000, maxAgeMs: 600_000, ...changed });
  opened.push(names);
  return Object.assign(state, {
    names,
    async answer(value: Found<Account & Group> | readonly number[]) {
      asked.at(-1)?.answer(value);
      await new Promise((resolve) => setImmediate(resolve));
    },
  });
}

const opened: NameService[] = [];
afterEach(() => {
  for (const names of opened.splice(0)) names.close();
});

const who = (name: string, id: number): Account & Group => ({ name, uid: id, gid: id, home: '/' as ByteString, shell: '/bin/sh' as ByteString, members: [] });
const questions = (asked: readonly Asked[]): readonly string[] => asked.map(({ question }) => question);

test('who is asked for the first time is unknown, and looked up meanwhile; one at a time', async () => {
  const { names, asked, answer } = scene();
  expect([names.userByName('ada'), names.userById(7), names.groupByName('dev'), names.groupById(8), names.groupsOf({ name: 'ada', gid: 7 })]).toEqual(Array(5).fill(undefined));
  expect(questions(asked)).toEqual(['user ada']);
  await answer(who('ada', 7));
  await answer(who('ada', 7));
  await answer(who('dev', 8));
  await answer(who('dev', 8));
  await answer([7, 8]);
  expect(questions(asked)).toEqual(['user ada', 'uid 7', 'group dev', 'gid 8', 'groups of ada']);
  expect([names.userByName('ada'), names.userById(7), names.groupByName('dev'), names.groupById(8), names.groupsOf({ name: 'ada', gid: 7 })]).toEqual([
    who('ada', 7), who('ada', 7), who('dev', 8), who('dev', 8), [7, 8],
  ]);
  expect(asked).toHaveLength(5);
});

test('what is no longer fresh is told while it is looked up; what cannot be is unknown in the end', async () => {
  const state = scene();
  state.names.userByName('ada');
  await state.answer(who('ada', 7));
  state.bootMs = 59_999;
  expect(state.names.userByName('ada')?.uid).toBe(7);
  expect(state.asked).toHaveLength(1);
  state.bootMs = 60_000;
  expect(state.names.userByName('ada')?.uid).toBe(7);
  expect(state.asked).toHaveLength(2);
  await state.answer(undefined);
  expect(state.names.userByName('ada')?.uid).toBe(7);
  // A failure is tried again sooner.
  state.bootMs = 65_000;
  expect(state.names.userByName('ada')?.uid).toBe(7);
  expect(state.asked).toHaveLength(3);
  state.asked.at(-1)?.fail();
  await new Promise((resolve) => setImmediate(resolve));
  state.bootMs = 600_000;
  expect(state.names.userByName('ada')?.uid).toBe(7);
  // While this one waits for its answer the last one grows too old.
  state.bootMs = 600_001;
  expect(state.names.userByName('ada')).toBeUndefined();
  await state.answer(who('ada', 9));
  expect(state.names.userByName('ada')?.uid).toBe(9);
});

test('one who is no more is nobody, and one who was not there is looked for again soon', async () => {
  const state = scene();
  state.names.groupByName('dev');
  await state.answer('absent');
  expect(state.names.groupByName('dev')).toBeUndefined();
  expect(state.asked).toHaveLength(1);
  state.bootMs = 5000;
  state.names.groupByName('dev');
  await state.answer(who('dev', 8));
  expect(state.names.groupByName('dev')?.gid).toBe(8);
  state.bootMs = 65_000;
  state.names.groupByName('dev');
  await state.answer('absent');
  expect(state.names.groupByName('dev')).toBeUndefined();
});

test('names of policy are known before anybody asks, and cannot be pushed out', async () => {
  const state = scene({ maxEntries: 3 });
  state.names.keep({ users: ['ada'], groups: ['dev'] });
  await state.answer(who('ada', 7));
  await state.answer(who('dev', 8));
  for (let uid = 100; uid < 110; uid++) {
    state.names.userById(uid);
    await state.answer('absent');
  }
  const count = state.asked.length;
  expect([state.names.userByName('ada')?.uid, state.names.groupByName('dev')?.gid]).toEqual([7, 8]);
  state.names.userById(109);
  expect(state.asked).toHaveLength(count);
  state.names.userById(100);
  expect(state.asked).toHaveLength(count + 1);
});

test('who waits until all is looked up, waits no longer than that or than he wants', async () => {
  const { names, answer } = scene();
  await names.settled(never);
  names.userById(7);
  await names.settled(AbortSignal.abort());
  const impatient = new AbortController();
  const waiting = names.settled(impatient.signal);
  impatient.abort();
  await waiting;
  const patient = names.settled(never);
  await answer(who('ada', 7));
  await patient;
  expect(names.userById(7)?.name).toBe('ada');
});

test('closed, it asks nobody', async () => {
  const { names, asked, answer } = scene();
  names.userById(7);
  names.userById(8);
  names.close();
  await answer(who('ada', 7));
  expect(names.userById(7)).toBeUndefined();
  expect(questions(asked)).toEqual(['uid 7']);
});

test('this machine\'s own users, by the C library', async () => {
  const names = createNameService({ bootMs: () => 0 });
  opened.push(names);
  names.userById(0);
  names.userByName('no such user');
  names.groupById(0);
  names.userById(-1);
  names.userById(4_294_967_295);
  names.userByName('ro\0ot');
  names.groupsOf({ name: 'root', gid: 0 });
  await names.settled(never);
  const [name, , , gid, , home, shell] = readFileSync('/etc/passwd', 'latin1').split('\n').find((line) => line.split(':')[2] === '0')?.split(':') ?? [];
  expect(names.userById(0)).toEqual({ name, uid: 0, gid: Number(gid), home, shell });
  expect(names.groupById(0)).toMatchObject({ name: 'root', gid: 0 });
  expect(names.groupsOf({ name: 'root', gid: 0 })).toContain(0);
  expect([names.userByName('no such user'), names.userById(-1), names.userById(4_294_967_295), names.userByName('ro\0ot')]).toEqual(Array(4).fill(undefined));
});

/** A source of users that is none of /etc/passwd: libnss-extrausers, in a mount namespace with an nsswitch.conf of its own. */
(possible ? describe : describe.skip)('another source than /etc/passwd', () => {
  let tree: string;
  let folder: string;
  let child: ChildProcess | undefined;
  beforeAll(() => {
    tree = ensureDebian(['libnss-extrausers']) as string;
  }, 300_000);
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'belay-nss-'));
    mkdirSync(join(folder, 'users'));
    writeFileSync(join(folder, 'nsswitch.conf'), 'passwd: files extrausers\ngroup: files extrausers\n');
    writeFileSync(join(folder, 'users/passwd'), 'ada:x:70001:70001:Ada:/home/ada:/bin/zsh\nm\u00fcller:x:70002:70002::/home/m:\n');
    writeFileSync(join(folder, 'users/group'), `ada:x:70001:\ndevelopers:x:70100:bob,ada\nlarge:x:70200:${Array.from({ length: 5000 }, (_, at) => `member-${at}`).join(',')},ada\n`);
  });
  afterEach(() => {
    child?.stdin?.end();
    child = undefined;
    rmSync(folder, { recursive: true });
  });

  /** Runs the body in Node with `names`, `settled` and the folder of `users`, and answers what it returns. */
  async function inside(body: string, freshMs: number = 1): Promise<unknown> {
    const script = `
      import { createNameService } from ${JSON.stringify(pathToFileURL(here).href)};
      import * as fs from 'node:fs';
      const names = createNameService({ bootMs: () => performance.now(), freshMs: ${freshMs}, maxAgeMs: 600000 });
      const settled = (ms = 20000) => names.settled(AbortSignal.timeout(ms));
      const users = '/var/lib/extrausers';
      const result = await (async () => { ${body} })();
      names.close();
      process.stdout.write(JSON.stringify(result ?? null));`;
    const mounts = 'mount --bind "$0/nsswitch.conf" /etc/nsswitch.conf && mkdir "$0/lib" && mkdir "$0/lib/extrausers" && mount --bind "$0/users" "$0/lib/extrausers" && mount --rbind "$0/lib" /var/lib && exec "$@"';
    const [file = '', ...args] = withTree(tree, ['sh', '-c', mounts, folder, process.execPath, '--input-type=module', '-e', script]) as string[];
    child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const text: Buffer[] = [];
    child.stdout?.on('data', (chunk: Buffer) => text.push(chunk));
    const [code] = await new Promise<readonly unknown[]>((resolve) => child?.once('close', (...all: readonly unknown[]) => resolve(all)));
    expect(code).toBe(0);
    return JSON.parse(Buffer.concat(text).toString()) as unknown;
  }

  test('its users and groups, and the groups of its users', async () => {
    expect(await inside(`
      const ask = () => [names.userByName('ada'), names.userById(70002), names.groupByName('developers'), names.groupById(70200)?.members.length, names.groupsOf({ name: 'ada', gid: 70001 }), names.userByName('eve') ?? null];
      ask();
      await settled();
      return ask();
    `)).toEqual([
      { name: 'ada', uid: 70_001, gid: 70_001, home: '/home/ada', shell: '/bin/zsh' },
      { name: 'm\u00fcller', uid: 70_002, gid: 70_002, home: '/home/m', shell: '/bin/sh' },
      { name: 'developers', gid: 70_100, members: ['bob', 'ada'] },
      5001,
      [70_001, 70_100, 70_200],
      null,
    ]);
  });

  test('what changes there is known after the next look', async () => {
    expect(await inside(`
      names.groupByName('developers');
      await settled();
      const before = names.groupByName('developers')?.gid;
      fs.writeFileSync(users + '/new', 'developers:x:70101:\\n');
      fs.renameSync(users + '/new', users + '/group');
      for (const limit = Date.now() + 20000; names.groupByName('developers')?.gid === 70100 && Date.now() < limit; ) await settled();
      return [before, names.groupByName('developers')];
    `)).toEqual([70_100, { name: 'developers', gid: 70_101, members: [] }]);
  });

  test('SECURITY(T-10): a source that hangs keeps nobody waiting, and everybody of it is unknown meanwhile', async () => {
    rmSync(join(folder, 'users/group'));
    expect(await inside(`
      const { spawnSync } = await import('node:child_process');
      spawnSync('mkfifo', [users + '/group']);
      const begun = performance.now();
      const first = names.groupByName('developers') ?? null;
      const asked = performance.now() - begun;
      // The look-up stands in open(2). The loop turns, other threads read files.
      let turns = 0;
      while (turns < 1000) { await new Promise((resolve) => setImmediate(resolve)); turns++; }
      const read = (await fs.promises.readFile('/proc/version')).length > 0;
      const second = names.groupByName('developers') ?? null;
      // Opening it for writing succeeds only when somebody stands there to read.
      let pipe;
      for (const limit = Date.now() + 20000; pipe === undefined && Date.now() < limit; await new Promise((resolve) => setImmediate(resolve))) {
        try { pipe = fs.openSync(users + '/group', fs.constants.O_WRONLY | fs.constants.O_NONBLOCK); } catch {}
      }
      fs.writeSync(pipe, 'developers:x:70102:\\n');
      fs.closeSync(pipe);
      await settled();
      return { first, second, read, turns, atOnce: asked < 5000, after: names.groupByName('developers')?.gid };
    `, 600_000)).toEqual({ first: null, second: null, read: true, turns: 1000, atOnce: true, after: 70_102 });
  });

  test('the process can end while a source hangs', async () => {
    rmSync(join(folder, 'users/group'));
    expect(await inside(`
      const { spawnSync } = await import('node:child_process');
      const { exitNow } = await import(${JSON.stringify(new URL('libc.ts', import.meta.url).href)});
      spawnSync('mkfifo', [users + '/group']);
      names.groupByName('developers');
      await settled(1);
      fs.writeSync(1, '"ended"');
      exitNow(0);
    `)).toBe('ended');
  });
});
