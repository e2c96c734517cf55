import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ADMIN_PASSWORD, startTestFleet, type TestFleet } from '../../tests/support/ctl.ts';
import { eventually } from '../../tests/support/fleet.ts';
import { fromBase32 } from '../../tests/support/factors.ts';
import { codeAt, stepAt } from '../src/features/accounts/totp.ts';
import { connection } from './settings.ts';
import { createApi } from './api.ts';
import { programFile } from '../../tests/support/programs.ts';


let fleet: TestFleet;
const folder = mkdtempSync(join(tmpdir(), 'belay-ctl-people-'));
beforeAll(async () => {
  fleet = await startTestFleet();
  expect(await fleet.ctl(['login', '--server', fleet.url, '--user', 'admin', '--ca', fleet.ca], { input: `${ADMIN_PASSWORD}\n` })).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await fleet.close();
  rmSync(folder, { recursive: true, force: true });
});

type Person = { readonly id: string; readonly name: string; readonly users: readonly unknown[]; readonly accounts: readonly { readonly name: string }[]; readonly manager: { readonly name: string } | null };
type Account = { readonly id: string; readonly bindings: readonly { readonly role: string; readonly groups: unknown; readonly source: string }[]; readonly disabled: boolean; readonly person: { readonly name: string } | null };

test('people are made, linked to users and accounts, given managers, found and shown', async () => {
  const ada = await fleet.ask<Person>(['person', 'create', 'Ada Adams', '--email', 'ada@example.org', '--user', 'ada']);
  expect(ada).toMatchObject({ id: expect.stringMatching(/^p-/), name: 'Ada Adams', users: [{ user: 'ada', device: null }] });
  await fleet.ask(['person', 'create', 'Eve Evans', '--manager', 'Ada Adams']);
  await fleet.ask(['account', 'create', 'ada', '--role', 'viewer']);
  const linked = await fleet.ask<Person>(['person', 'link', 'Ada Adams', '--user', 'adams', '--user', 'aa', '--account', 'ada']);
  expect([linked.users.length, linked.accounts.map(({ name }) => name)]).toEqual([3, ['ada']]);
  expect(await fleet.ctl(['person', 'link', 'Eve Evans', '--account', 'ada'])).toMatchObject({ code: 6, stderr: expect.stringContaining('is Ada Adams\'s') });
  expect(await fleet.ctl(['person', 'link', 'Eve Evans', '--user', 'aa'])).toMatchObject({ code: 6 });
  expect(await fleet.ctl(['person', 'link', 'Eve Evans', '--user', 'x', '--device', 'absent'])).toMatchObject({ code: 5 });
  const unlinked = await fleet.ask<Person>(['person', 'unlink', ada.id, '--user', 'aa', '--account', 'ada']);
  expect([unlinked.users.length, unlinked.accounts]).toEqual([2, []]);
  expect((await fleet.ctl(['person', 'list'])).stdout).toMatch(/^Ada Adams +p-\S+ +ada, adams$/m);
  expect((await fleet.ctl(['person', 'show', 'Eve Evans'])).stdout).toMatch(/^Manager +Ada Adams \(p-/m);
  expect((await fleet.ask<Person>(['person', 'manager', 'Eve Evans'])).manager).toBeNull();
  expect((await fleet.ask<Person[]>(['person', 'list', '--search', 'EVE'])).map(({ name }) => name)).toEqual(['Eve Evans']);
  expect(await fleet.ctl(['person', 'show', 'Nobody'])).toMatchObject({ code: 5, stderr: expect.stringContaining('nobody called Nobody') });
  expect(await fleet.ctl(['person', 'link', 'Eve Evans'])).toMatchObject({ code: 2 });
  await fleet.ask(['person', 'create', 'Eve Evans']);
  expect(await fleet.ctl(['person', 'show', 'Eve Evans'])).toMatchObject({ code: 2, stderr: expect.stringContaining('by its id') });
});

test('accounts are made with a password told once, given roles, disabled and enabled', async () => {
  const made = await fleet.ctl(['account', 'create', 'olga', '--role', 'operator:lab,desk', '--role', 'viewer']);
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[A-Za-z0-9_-]{20}\n$/), stderr: expect.stringContaining('not shown again') });
  const env = { HOME: join(folder, 'olga') };
  expect(await fleet.ctl(['login', fleet.url, '--user', 'olga', '--ca', fleet.ca], { env, input: made.stdout })).toMatchObject({ code: 0, stdout: expect.stringContaining('as olga (viewer, operator (desk, lab))') });
  const local = (role: string, groups: unknown) => ({ role, groups, source: 'local' });
  const roles = async (...args: string[]) => (await fleet.ask<Account>(['account', 'role', 'olga', ...args])).bindings;
  expect(await roles('--add', 'approver')).toEqual([local('approver', 'all'), local('operator', ['desk', 'lab']), local('viewer', 'all')]);
  expect(await roles('--remove', 'viewer', '--remove', 'approver')).toEqual([local('operator', ['desk', 'lab'])]);
  expect(await roles('--set', 'viewer:lab')).toEqual([local('viewer', ['lab'])]);
  for (const wrong of [[], ['--add', 'king'], ['--remove', 'king'], ['--set', 'viewer', '--add', 'viewer']]) expect(await fleet.ctl(['account', 'role', 'olga', ...wrong])).toMatchObject({ code: 2 });
  expect((await fleet.ask<Account>(['account', 'disable', 'olga'])).disabled).toBe(true);
  expect(await fleet.ctl(['whoami'], { env })).toMatchObject({ code: 4 });
  expect((await fleet.ctl(['account', 'list'])).stdout).toMatch(/^olga +disabled/m);
  expect((await fleet.ask<Account>(['account', 'enable', 'olga'])).disabled).toBe(false);
  writeFileSync(join(folder, 'password'), 'another rope for her\n');
  expect(await fleet.ctl(['account', 'password', 'olga', '--password-file', join(folder, 'password')])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Name +olga/m) });
  expect(await fleet.ctl(['login', fleet.url, '--user', 'olga', '--ca', fleet.ca], { env, input: 'another rope for her\n' })).toMatchObject({ code: 0 });
  expect(await fleet.ctl(['account', 'disable', 'admin'])).toMatchObject({ code: 6, stderr: expect.stringContaining('Nobody would be administrator any more') });
  expect(await fleet.ctl(['account', 'show', 'absent'])).toMatchObject({ code: 5 });
  expect(await fleet.ctl(['account', 'list'], { env })).toMatchObject({ code: 5 });
});

test('a sign-in asks for the code on a terminal, and takes it from a file', async () => {
  await fleet.ctl(['account', 'create', 'tom', '--role', 'viewer', '--password-file', '-'], { input: 'a rope of his own\n' });
  const env = { HOME: join(folder, 'tom') };
  const login = (...args: string[]) => fleet.ctl(['login', fleet.url, '--user', 'tom', '--ca', fleet.ca, ...args], { env, input: 'a rope of his own\n' });
  expect(await login()).toMatchObject({ code: 0 });
  // Set up as the console would, with the session that belayctl keeps.
  process.env['XDG_CONFIG_HOME'] = join(env.HOME, '.config');
  const api = createApi(connection());
  delete process.env['XDG_CONFIG_HOME'];
  const { challenge, secret } = await api.post<{ challenge: string; secret: string }>('/me/totp/start');
  const key = fromBase32(secret);
  const { recoveryCodes } = await api.post<{ recoveryCodes: readonly string[] }>('/me/totp/confirm', { challenge, code: codeAt(key, stepAt(Date.now())) });
  expect(await login()).toMatchObject({ code: 4, stderr: expect.stringContaining('BELAY_E_SECOND_FACTOR') });
  writeFileSync(join(folder, 'code'), `${recoveryCodes[0]}\n`);
  expect(await login('--code-file', join(folder, 'code'))).toMatchObject({ code: 0 });
  expect(await login('--code-file', join(folder, 'code'))).toMatchObject({ code: 4 });
  if (spawnSync('script', ['--version']).status !== 0) return;
  const command = `${process.execPath} --disable-warning=ExperimentalWarning ${programFile('belayctl')} login ${fleet.url} --user tom --ca ${fleet.ca}`;
  const typist = spawn('script', ['-qefc', command, '/dev/null'], { env: { PATH: process.env['PATH'], HOME: env.HOME, TERM: 'dumb' } });
  let shown = '';
  typist.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    shown += chunk;
  });
  await eventually(async () => shown.includes('Password of tom'));
  typist.stdin.write('a rope of his own\r');
  await eventually(async () => shown.includes('Code of your authenticator app'));
  typist.stdin.write(`${recoveryCodes[1]}\r`);
  const [code] = (await once(typist, 'close')) as [number];
  expect([code, shown]).toEqual([0, expect.stringContaining('Signed in to')]);
});
