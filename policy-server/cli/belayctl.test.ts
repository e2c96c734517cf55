import { spawn, spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ADMIN_PASSWORD, lines, startTestFleet, type TestFleet } from '../../tests/support/ctl.ts';
import { eventually } from '../../tests/support/fleet.ts';
import { programFile } from '../../tests/support/programs.ts';

// Each of some hundred commands is a process of its own.

let fleet: TestFleet;
const settingsOf = (home: string) => join(home, '.config', 'belay', 'ctl.json');

beforeAll(async () => {
  fleet = await startTestFleet();
  const login = await fleet.ctl(['login', '--server', fleet.url, '--user', 'admin', '--ca', fleet.ca], { input: `${ADMIN_PASSWORD}\n` });
  expect(login).toMatchObject({ code: 0, stderr: '' });
});
afterAll(() => fleet.close());

const policy = (name: string, more = '') => `apiVersion: belay/v1
kind: Policy
metadata: { name: ${name}, description: For the test }
rules:
  - name: look
    who: ["group:developers"]
    run: [{ command: /usr/bin/id }]
    then: allow
${more}`;

function folderOf(name: string, files: Readonly<Record<string, string>>): string {
  const folder = join(fleet.folder, name);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return folder;
}

test('login keeps the session for its owner only, and never the password', async () => {
  const file = settingsOf(fleet.home);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700);
  expect(readFileSync(file, 'utf8')).not.toContain(ADMIN_PASSWORD);
  expect(await fleet.ask(['whoami'])).toMatchObject({ name: 'admin', bindings: [{ role: 'administrator', groups: 'all' }], kind: 'session' });
  const other = join(fleet.folder, 'careless');
  mkdirSync(join(other, 'belay'), { recursive: true });
  writeFileSync(join(other, 'belay', 'ctl.json'), readFileSync(file), { mode: 0o644 });
  const open = await fleet.ctl(['whoami'], { env: { XDG_CONFIG_HOME: other } });
  expect([open.code, open.stderr]).toEqual([1, expect.stringContaining('chmod 600')]);
});

test('login trusts nobody unasked: no authority, another authority or another fingerprint end before the password is sent', async () => {
  const env = { HOME: join(fleet.folder, 'stranger') };
  const login = (...args: string[]) => fleet.ctl(['login', fleet.url, '--user', 'admin', ...args], { input: `${ADMIN_PASSWORD}\n`, env });
  const fingerprint = new X509Certificate(readFileSync(fleet.ca)).fingerprint256;
  expect(await login()).toMatchObject({ code: 3, stderr: expect.stringContaining('--ca FILE') });
  expect(await login('--fingerprint', fingerprint.replace(/^../, fingerprint.startsWith('00') ? '11' : '00'))).toMatchObject({ code: 3, stderr: expect.stringContaining('fingerprint') });
  expect(await login('--fingerprint', 'abc')).toMatchObject({ code: 2 });
  expect(await login('--ca', '/nonexistent')).toMatchObject({ code: 2 });
  expect(await login('--fingerprint', fingerprint)).toMatchObject({ code: 0 });
  expect(await fleet.ask(['whoami'], { env })).toMatchObject({ name: 'admin' });
  expect(await fleet.ctl(['logout'], { env })).toMatchObject({ code: 0 });
  expect(await fleet.ctl(['whoami'], { env })).toMatchObject({ code: 4, stderr: expect.stringContaining('belayctl login') });
});

test('a wrong password ends with 4, an absent server with 3, wrong usage with 2', async () => {
  const env = { HOME: join(fleet.folder, 'nobody') };
  writeFileSync(join(fleet.folder, 'wrong'), 'wrong\nADMIN');
  expect(await fleet.ctl(['login', fleet.url, '--user', 'admin', '--ca', fleet.ca, '--password-file', 'wrong'], { env })).toMatchObject({ code: 4, stderr: expect.stringContaining('BELAY_E_UNAUTHENTICATED') });
  expect(await fleet.ctl(['login', 'localhost:1', '--user', 'admin'], { env, input: 'x\n' })).toMatchObject({ code: 3, stderr: expect.stringContaining('cannot be reached') });
  expect(await fleet.ctl(['login', 'http://localhost', '--user', 'admin'], { env, input: 'x\n' })).toMatchObject({ code: 2 });
  expect(await fleet.ctl(['device', 'lsit'])).toMatchObject({ code: 2, stderr: expect.stringContaining('list') });
  expect(await fleet.ctl(['event', 'list', '--since', 'yesterday'])).toMatchObject({ code: 2, stderr: expect.stringContaining('This is not a time') });
  expect(await fleet.ctl(['login', '--password', 'x'])).toMatchObject({ code: 2 });
});

test('the password is typed unseen on a terminal', async () => {
  const command = `${process.execPath} --disable-warning=ExperimentalWarning ${programFile('belayctl')} login ${fleet.url} --ca ${fleet.ca}`;
  // script(1) gives it a terminal.
  const typist = spawn('script', ['-qefc', command, '/dev/null'], { env: { PATH: process.env['PATH'], HOME: join(fleet.folder, 'typist'), TERM: 'dumb' } });
  let shown = '';
  typist.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    shown += chunk;
  });
  await eventually(async () => shown.includes('User: '));
  typist.stdin.write('admim\u007fn\r');
  await eventually(async () => shown.includes('Password of admin'));
  typist.stdin.write(`${ADMIN_PASSWORD}x\u007f\r`);
  const [code] = (await once(typist, 'close')) as [number];
  expect([code, shown]).toEqual([0, expect.stringContaining('Signed in to')]);
  expect(shown).toContain('admi');
  expect(shown).not.toContain('rope');
});

test('a service token does what a session does, from the environment, and ends when it is revoked', async () => {
  const made = await fleet.ask<{ token: string; info: { id: string } }>(['token', 'create', 'ci', '--role', 'viewer', '--expires', '1h']);
  const env = { HOME: join(fleet.folder, 'ci'), BELAY_SERVER: fleet.url, BELAY_TOKEN: made.token, BELAY_CA: fleet.ca };
  expect(await fleet.ask(['whoami'], { env })).toMatchObject({ name: 'token:ci', bindings: [{ role: 'viewer', groups: 'all' }] });
  expect(await fleet.ctl(['token', 'list'], { env })).toMatchObject({ code: 5, stderr: expect.stringContaining('Not allowed, or does not exist.') });
  expect(await fleet.ctl(['token', 'revoke', made.info.id])).toMatchObject({ code: 0 });
  expect(await fleet.ctl(['whoami'], { env })).toMatchObject({ code: 4 });
  expect((await fleet.ctl(['token', 'list'])).stdout).toMatch(/ci +service +viewer +revoked/);
});

test('the session is never sent to another server', async () => {
  const elsewhere = await fleet.ctl(['whoami'], { env: { BELAY_SERVER: 'https://localhost:1' } });
  expect([elsewhere.code, elsewhere.stderr]).toEqual([4, expect.stringContaining('another server')]);
});

test('enrolment tokens: the token alone is on stdout', async () => {
  const made = await fleet.ctl(['enroll-token', 'create', '--uses', '3', '--expires', '2d', '--group', 'engineering', '--group', 'trial']);
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^belay1\.[A-Za-z0-9_-]+\n$/), stderr: expect.stringContaining('For 3 devices') });
  const [token] = await fleet.ask<{ id: string; usesLeft: number; groups: string[] }[]>(['enroll-token', 'list']);
  expect(token).toMatchObject({ usesLeft: 3, groups: ['engineering', 'trial'] });
  expect((await fleet.ctl(['enroll-token', 'revoke', token?.id ?? ''])).stdout).toContain('Revoked');
  expect((await fleet.ctl(['enroll-token', 'list'])).stdout).toContain('revoked');
  expect(await fleet.ctl(['enroll-token', 'revoke', 'absent'])).toMatchObject({ code: 5 });
  expect(await fleet.ctl(['enroll-token', 'create', '--uses', '0'])).toMatchObject({ code: 2 });
});

test('policy check and policy apply name every error of every file, and apply nothing', async () => {
  const folder = folderOf('broken', { 'good.yaml': policy('good'), 'sub/one.yaml': policy('one').replace('allow', 'perhaps'), 'two.yml': 'a: [b', 'notes.txt': 'not a policy', '.hidden.yaml': '{' });
  const before = await fleet.ask<{ version: number }>(['policy', 'list']);
  for (const verb of ['check', 'apply']) {
    const ran = await fleet.ctl(['policy', verb, '-f', folder]);
    expect(ran.code).toBe(7);
    expect(ran.stderr).toMatch(/^(?:.*\/)?sub\/one\.yaml:\d+:\d+: .+$/m);
    expect(ran.stderr).toMatch(/^(?:.*\/)?two\.yml:\d+:\d+: .+$/m);
    expect(ran.stderr).not.toMatch(/notes|hidden|good\.yaml/);
  }
  expect(await fleet.ask(['policy', 'list'])).toEqual(before);
  expect(await fleet.ctl(['policy', 'apply', '-f', '/nonexistent'])).toMatchObject({ code: 2 });
  expect(await fleet.ctl(['policy', 'apply'])).toMatchObject({ code: 2 });
});

test('policy check needs no server and no session', async () => {
  const folder = folderOf('offline', { 'a.yaml': policy('a') });
  const ran = await fleet.ctl(['policy', 'check', '-f', folder], { env: { HOME: '/nonexistent' } });
  expect(ran).toMatchObject({ code: 0, stdout: '1 policy without findings.\n', stderr: expect.stringContaining('recovery') });
});

test('policies go out, are shown as written, compared and rolled back', async () => {
  // Cases beside policies are nothing to apply.
  const folder = folderOf('good', { 'developers.yaml': policy('developers'), 'developers.test.yaml': 'apiVersion: belay/v1\nkind: PolicyTest\nmetadata: { name: daily }\ncases: [{ name: look, who: ada, groups: [developers], run: [/usr/bin/id], expect: allow }]\n' });
  const dry = await fleet.ctl(['policy', 'apply', '-f', folder, '--dry-run', '--exit-code']);
  expect(dry).toMatchObject({ code: 10, stdout: expect.stringContaining('+metadata: { name: developers') });
  const first = await fleet.ask<{ version: number; published: boolean }>(['policy', 'apply', '-f', folder, '--comment', 'OPS-1']);
  expect(first.published).toBe(true);
  expect((await fleet.ctl(['policy', 'apply', '-f', folder])).stdout).toContain('Nothing to do');
  expect((await fleet.ctl(['policy', 'show', 'developers'])).stdout).toBe(policy('developers'));
  const changed = await fleet.ctl(['policy', 'apply', '-f', '-'], { input: policy('developers', '    message: hello\n') });
  expect(changed).toMatchObject({ code: 0, stdout: expect.stringContaining('changed  developers') });
  expect(await fleet.ctl(['policy', 'diff', String(first.version), '--exit-code'])).toMatchObject({ code: 10, stdout: expect.stringContaining('+    message: hello') });
  expect(await fleet.ctl(['policy', 'apply', '-f', folder, '--base', String(first.version)])).toMatchObject({ code: 6 });
  expect(await fleet.ctl(['policy', 'rollback', String(first.version), '--comment', 'back'])).toMatchObject({ code: 0, stdout: expect.stringContaining(`Version ${first.version + 2} is published.`) });
  expect((await fleet.ctl(['policy', 'versions'])).stdout).toMatch(new RegExp(`^${first.version + 2} .* admin +${first.version} +back$`, 'm'));
  expect(await fleet.ctl(['policy', 'apply', '-f', folder, '--prune'])).toMatchObject({ code: 7, stderr: expect.stringContaining('BELAY_E_POLICY_RECOVERY') });
  expect((await fleet.ctl(['policy', 'list'])).stdout).toMatch(/^developers +Policy +developers.yaml/m);
});

test('events are listed, exported and verified offline; a changed export is named', async () => {
  expect((await fleet.ctl(['event', 'list', '--type', 'policy', '--limit', '2'])).stdout.split('\n')).toHaveLength(4);
  const events = await fleet.ask<{ type: string; user: string }[]>(['event', 'list', '--type', 'policy', '--type', 'enroll-token', '--user', 'admin', '--since', '1h', '--limit', '1000']);
  expect(new Set(events.map(({ type }) => type.split('.')[0]))).toEqual(new Set(['policy', 'enroll-token']));
  const file = join(fleet.folder, 'evidence.ndjson');
  const exported = await fleet.ctl(['event', 'export']);
  expect(exported.code).toBe(0);
  writeFileSync(file, exported.stdout);
  expect(await fleet.ctl(['event', 'verify', file, '--server', fleet.serverId], { env: { HOME: '/nonexistent' } })).toMatchObject({ code: 0 });
  const all = lines(file);
  writeFileSync(file, `${[...all.slice(0, 5), ...all.slice(6)].join('\n')}\n`);
  const verified = await fleet.ctl(['event', 'verify', file]);
  expect([verified.code, verified.stdout]).toEqual([8, expect.stringMatching(/line \d+.*missing/)]);
  expect(await fleet.ctl(['event', 'export', '--type', 'admin'])).toMatchObject({ code: 2 });
  const csv = join(fleet.folder, 'events.csv');
  expect(await fleet.ctl(['event', 'export', '--format', 'csv', '--type', 'admin', '--to', csv])).toMatchObject({ code: 0, stdout: '' });
  expect(lines(csv)[0]).toContain('serverTime');
  expect(lines(csv).slice(1).every((line) => line.includes('admin.'))).toBe(true);
});

test('what others typed is inert on the terminal, in tables and in JSON', async () => {
  const nasty = '\u001b]0;owned\u0007\u202eadmin\n=cmd';
  const env = { HOME: join(fleet.folder, 'nasty') };
  expect(await fleet.ctl(['login', fleet.url, '--user', nasty, '--ca', fleet.ca], { env, input: 'x\n' })).toMatchObject({ code: 4 });
  for (const args of [['event', 'list', '--type', 'admin.login-failed'], ['event', 'list', '--type', 'admin.login-failed', '--json'], ['event', 'export', '--format', 'csv', '--type', 'admin.login-failed']]) {
    const { stdout, code } = await fleet.ctl(args);
    expect(code).toBe(0);
    expect(stdout).toContain('owned');
    expect(stdout.replaceAll(/\r?\n/g, '')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  }
});

test('a tail prints events as they come, and comes back when the server was restarted', async () => {
  const tail = fleet.start(['event', 'tail', '--type', 'enroll-token', '--json', '--after', '1']);
  let printed = '';
  tail.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk;
  });
  try {
    await eventually(async () => printed.includes('enroll-token.created'));
    await fleet.stopServer();
    await fleet.startServer();
    const { info } = await fleet.ask<{ info: { id: string } }>(['enroll-token', 'create']);
    await eventually(async () => printed.includes(info.id));
    const ids = printed.trimEnd().split('\n').map((line) => (JSON.parse(line) as { id: number }).id);
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b));
  } finally {
    const ended = once(tail, 'exit');
    tail.kill('SIGINT');
    await ended;
  }
});

test('completion scripts work in their shells', async () => {
  const bash = (await fleet.ctl(['completion', 'bash'])).stdout;
  const complete = (words: string) => spawnSync('bash', ['-c', `${bash}\nCOMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]}-1)); _belayctl; echo "\${COMPREPLY[@]}"`], { encoding: 'utf8' }).stdout.trim();
  expect(complete('belayctl po')).toBe('policy');
  expect(complete('belayctl policy roll')).toBe('rollback');
  expect(complete('belayctl policy apply --pr')).toBe('--prune');
  expect((await fleet.ctl(['completion', 'fish'])).stdout).toContain("complete -c belayctl -n '__fish_use_subcommand' -f -a policy");
  expect((await fleet.ctl(['completion', 'zsh'])).stdout).toMatch(/^#compdef belayctl/);
  expect(await fleet.ctl(['completion', 'tcsh'])).toMatchObject({ code: 2 });
});
