import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../../tests/support/api.ts';
import { type AskingDevice, askingDevice, filed } from '../../tests/support/requests.ts';
import { nodeArguments } from '../../tests/support/programs.ts';

let api: TestApi;
let laptop: AskingDevice;
let folder: string;
const tokens: Record<string, string> = {};
type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

beforeAll(async () => {
  api = await startTestApi({ config: 'requests: { pendingOfUser: 50 }' });
  await api.account('anna', 'approver');
  await api.account('bert', 'approver');
  await api.account('root', 'administrator');
  for (const who of ['anna', 'bert', 'root']) tokens[who] = await api.signIn(who);
  folder = mkdtempSync(join(tmpdir(), 'belay-request-ctl-'));
  writeFileSync(join(folder, 'ca.pem'), api.ca);
  laptop = await askingDevice(api, { hostname: 'laptop-17' });
});
afterAll(async () => {
  laptop.close();
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});

function start(args: readonly string[], who = 'anna'): { readonly child: ReturnType<typeof execFile>; readonly ended: Promise<Ran> } {
  let child!: ReturnType<typeof execFile>;
  const ended = new Promise<Ran>((resolve) => {
    child = execFile(process.execPath, nodeArguments('belayctl', args), {
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, TZ: 'UTC', BELAY_SERVER: api.url, BELAY_TOKEN: tokens[who], BELAY_CA: join(folder, 'ca.pem') },
    }, (error, stdout, stderr) => resolve({ code: error === null ? 0 : (error.code as number | undefined) ?? null, stdout, stderr }));
  });
  return { child, ended };
}
const ctl = (args: readonly string[], who?: string): Promise<Ran> => start(args, who).ended;

async function ask(asking: Parameters<typeof filed>[0]): Promise<string> {
  await laptop.upload(filed(asking));
  return (await api.context.store.db.selectFrom('requests').select('id').where('number', '=', asking.number).executeTakeFirstOrThrow()).id;
}

test('from the list to the grant and back', async () => {
  const id = await ask({ number: 1, reason: 'nginx hangs', stance: 'ahead', forMs: 1_800_000, uses: 3 });
  const listed = await ctl(['request', 'list', '--state', 'pending']);
  expect(listed).toMatchObject({ code: 0, stderr: '' });
  expect(listed.stdout.split('\n')[0]).toMatch(/^ID +FILED +STATE +WHO +DEVICE +AS +YOU +COMMAND$/);
  expect(listed.stdout).toMatch(new RegExp(`^${id} .* pending 9m left|10m left .*alice +laptop-17 +root:root +may answer +/usr/bin/systemctl restart nginx · nginx hangs$`, 'm'));
  const shown = await ctl(['request', 'show', id]);
  for (const line of ['Reason  +nginx hangs', 'Executable  +/usr/bin/systemctl', '  argument 2  +nginx', 'Wanted  +3 times, for 30m', 'Package  +systemd 252-1 from Debian/stable, signed by ABCD, unmodified', 'This user  +never asked before', 'You  +may answer: belayctl request approve r-']) {
    expect(shown.stdout).toMatch(new RegExp(`^${line}`, 'm'));
  }
  expect((await ctl(['request', 'approve', id, '--uses', '4'])).code).toBe(2);
  const approved = await ctl(['request', 'approve', id, '--for', '10m', '--uses', '2', '--words', 'ok']);
  expect(approved).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Approved: grant g-[a-z2-7]{10} for alice on laptop-17, until /) });
  const again = await ctl(['request', 'deny', id, '--words', 'no'], 'bert');
  expect(again).toMatchObject({ code: 6, stderr: 'belayctl: This request was approved by anna already. (BELAY_E_CONFLICT)\n' });
  const grants = JSON.parse((await ctl(['grant', 'list', '--live', '--json'])).stdout) as readonly { id: string; request: string; usesLeft: number }[];
  expect(grants).toMatchObject([{ request: id, usesLeft: 2 }]);
  const grant = grants[0]?.id as string;
  expect((await ctl(['grant', 'revoke', grant, '--words', 'done'])).stdout).toBe(`Revoked grant ${grant} of alice on laptop-17.\n`);
  expect((await ctl(['grant', 'revoke', grant])).code).toBe(6);
  expect((await ctl(['grant', 'list'])).stdout).toMatch(new RegExp(`^${grant} +revoked`, 'm'));
  expect(await ctl(['request', 'show', 'r-aaaaaaaaaa'])).toMatchObject({ code: 5 });
  expect(await ctl(['request', 'approve', '../devices'])).toMatchObject({ code: 5 });
});

test('for several devices: shown, narrowed to some, and each with its grant', async () => {
  const { db } = api.context.store;
  const others = await Promise.all(['web-2', 'web-3'].map((hostname) => askingDevice(api, { hostname })));
  await db.insertInto('persons').values({ id: 'ada', name: 'Ada', email: null, manager_id: null, created_at: 0 }).execute();
  await db.insertInto('person_users').values({ person_id: 'ada', device_id: null, user_name: 'ada' }).execute();
  const scope = { commands: [{ command: '/usr/bin/systemctl', args: ['restart', 'nginx'] }], runAsUid: 0, runAsGid: 0 };
  const asking = { user: 'ada', uid: 1001, stance: 'ahead', scope, alsoOn: ['web-2', 'web-3'] } as const;
  const id = await ask({ ...asking, number: 20 });
  expect((await ctl(['request', 'list', '--state', 'pending'])).stdout).toMatch(/Ada\) +laptop-17, web-2, web-3 +root:root/);
  expect((await ctl(['request', 'show', id])).stdout).toMatch(/^Also on +web-2, as ada\nAlso on +web-3, as ada$/m);
  expect(await ctl(['request', 'approve', id, '--only-here', '--also-on', 'web-2'])).toMatchObject({ code: 2 });
  expect(await ctl(['request', 'approve', id, '--also-on', 'web-2, web-9'])).toMatchObject({ code: 2, stderr: expect.stringContaining('This request is not for "web-9".') });
  expect((await ctl(['request', 'approve', id, '--also-on', 'web-3'])).stdout).toMatch(/^Approved: grant g-\S+ for ada on laptop-17, until .*\nApproved: grant g-\S+ for ada on web-3, until .*\n$/);
  expect((await ctl(['request', 'show', id])).stdout).toMatch(/^Yes +anna, .*, also on web-3\nGrant +g-.*\n  on web-3 +g-/m);
  const here = await ask({ ...asking, number: 21 });
  expect((await ctl(['request', 'approve', here, '--only-here'])).stdout).toMatch(/^Approved: [^\n]*laptop-17[^\n]*\n$/);
  for (const other of others) other.close();
});

test('proposed, settled, reviewed; and whoever may not is told why', async () => {
  const id = await ask({ number: 2, emergency: true, user: 'bert', argv: ['stop', 'x'] });
  expect(await ctl(['request', 'approve', id], 'bert')).toMatchObject({ code: 5, stderr: expect.stringContaining('linked to no person, and may be you') });
  expect((await ctl(['request', 'approve', id])).code).toBe(0);
  expect((await ctl(['request', 'list', '--review'])).stdout).toMatch(/EMERGENCY approved, to review/);
  expect((await ctl(['request', 'review', id, '--words', 'all well'])).stdout).toBe('Reviewed: the emergency of bert on laptop-17.\n');
  const proposed = await ctl(['request', 'propose', id]);
  expect(proposed.stdout).toContain('user:bert');
  const proposal = /p-[a-z2-7]{10}/.exec(proposed.stderr)?.[0] as string;
  expect((await ctl(['request', 'settle', proposal, 'taken'], 'root')).stdout).toBe(`Proposal ${proposal} is taken.\n`);
  expect((await ctl(['request', 'proposals'])).stdout).toMatch(/taken by root/);
});

test('HTML, ANSI, line breaks and format characters in whatever was asked are inert, on the terminal and in JSON', async () => {
  const hostile = ['\u001b[2J\u001b[31mred', 'line\nbelayctl: approved\r', '<script>alert(1)</script>', '\u202etxt.exe', '\u009b31m', '\u2028x', '=1+1'];
  const id = await ask({ number: 3, user: 'eve\u001b[2J\nroot', uid: 66, argv: [...hostile, new Uint8Array([0xff, 0x1b])], reason: hostile.join(' '), rules: ['ops/\u001b[31mrestart'], command: '/tmp/a\u001b[2J\nb' });
  // eslint-disable-next-line no-control-regex
  const active = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/;
  for (const args of [['request', 'show', id], ['request', 'list'], ['request', 'list', '--json'], ['request', 'show', id, '--json'], ['request', 'deny', id, '--words', 'no \u001b[31m'], ['request', 'show', id]]) {
    const { code, stdout, stderr } = await ctl(args);
    expect([args, code, active.test(stdout), active.test(stderr)]).toEqual([args, 0, false, false]);
    expect(stdout).not.toMatch(/^belayctl: approved/m);
  }
  const answer = await api.ask('GET', `/api/v1/requests/${id}`, { token: tokens['anna'] });
  expect(active.test(answer.text)).toBe(false);
  const { argv } = answer.body as { argv: readonly { text: string; exact: string }[] };
  expect(argv.map(({ exact }) => Buffer.from(exact, 'base64').toString('latin1'))).toEqual([...hostile.map((text) => Buffer.from(text).toString('latin1')), '\xff\x1b']);
  for (const { text } of argv) expect(text).not.toMatch(active);
});

test('--watch prints the list anew when it changes', async () => {
  const { child, ended } = start(['request', 'list', '--state', 'pending', '--json', '--watch']);
  const lines: string[] = [];
  let heard: () => void = () => undefined;
  child.stdout?.on('data', (chunk: Buffer | string) => {
    lines.push(...String(chunk).split('\n').filter((line) => line !== ''));
    heard();
  });
  const more = (count: number): Promise<void> => new Promise((resolve) => {
    heard = () => {
      if (lines.length >= count) resolve();
    };
    heard();
  });
  await more(1);
  const id = await ask({ number: 4 });
  await more(2);
  expect((JSON.parse(lines[1] as string) as readonly { id: string }[]).map((each) => each.id)).toContain(id);
  child.kill('SIGINT');
  expect((await ended).code).toBe(130);
});
