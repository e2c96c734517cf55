import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { ADMIN_PASSWORD, startTestFleet, type TestFleet } from '../../tests/support/ctl.ts';
import { type HookReceiver, startHookReceiver, verifyCall } from '../../tests/support/receivers.ts';
import { createNotices } from '../src/features/notices/record.ts';
import { openStore } from '../src/store/index.ts';

const AFTER_LEASE_MS = 45_000;

let fleet: TestFleet;
let hook: HookReceiver;
beforeAll(async () => {
  process.env['BELAY_SERVER_WEBHOOKS_ALLOW_HTTP_TO_LOOPBACK'] = 'true';
  hook = await startHookReceiver(undefined);
  fleet = await startTestFleet();
  expect(await fleet.ctl(['login', '--server', fleet.url, '--user', 'admin', '--ca', fleet.ca], { input: `${ADMIN_PASSWORD}\n` })).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await fleet.close();
  await hook.close();
});

async function within<T>(limitMs: number, look: () => T | undefined | false): Promise<T> {
  const until = Date.now() + limitMs;
  for (;;) {
    const found = look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > until) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Committed by a server that then says nothing more. */
async function committed(name: string): Promise<void> {
  const store = await openStore({ kind: 'sqlite', file: join(fleet.folder, 'data', 'server.db') }, { warn: () => undefined });
  await store.transaction((tx) => createNotices({ store, clock: Date.now }).record(tx, { kind: 'device-returned', device: { id: 'd-1', name } }));
  await store.close();
}

test('webhooks are made, listed, tried, given new secrets and deleted; the secret alone is on stdout', async () => {
  const made = await fleet.ctl(['webhook', 'create', 'relay', hook.url, '--event', 'device-returned', '--event', 'test']);
  expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=\n$/), stderr: expect.stringContaining('not shown again') });
  expect((await fleet.ctl(['webhook', 'list'])).stdout).toMatch(/^w-\S+ +relay +device-returned,test +never called +0 +http:/m);
  expect(await fleet.ctl(['webhook', 'test', 'relay'])).toMatchObject({ code: 0, stdout: 'relay took it.\n' });
  expect(verifyCall(hook.calls[0] as (typeof hook.calls)[number], made.stdout.trim())).toMatchObject({ type: 'test', data: { by: 'admin' } });
  const rotated = await fleet.ask<{ secret: string }>(['webhook', 'rotate', 'relay', '--overlap', '0s']);
  hook.answer(500);
  expect(await fleet.ctl(['webhook', 'test', 'relay'])).toMatchObject({ code: 1, stdout: 'relay did not take it: answered 500.\n' });
  verifyCall(hook.calls[1] as (typeof hook.calls)[number], rotated.secret);
  expect((await fleet.ctl(['webhook', 'list'])).stdout).toContain('answered 500');
  expect(await fleet.ctl(['webhook', 'create', 'inside', 'https://169.254.169.254/'])).toMatchObject({ code: 2, stderr: expect.stringContaining('webhooks.allowAddresses') });
  expect(await fleet.ctl(['webhook', 'create', 'relay', hook.url])).toMatchObject({ code: 6 });
  expect(await fleet.ctl(['webhook', 'create', 'x', hook.url, '--event', 'nonsense'])).toMatchObject({ code: 2 });
  expect(await fleet.ctl(['webhook', 'rotate', 'relay', '--overlap', 'soon'])).toMatchObject({ code: 2 });
  expect(await fleet.ctl(['webhook', 'delete', 'relay'])).toMatchObject({ code: 0, stdout: expect.stringContaining('Deleted relay') });
  expect(await fleet.ctl(['webhook', 'test', 'relay'])).toMatchObject({ code: 5 });
  const [reader] = [await fleet.ask<{ token: string }>(['token', 'create', 'reader', '--role', 'operator'])];
  expect(await fleet.ctl(['webhook', 'list'], { env: { HOME: join(fleet.folder, 'x'), BELAY_SERVER: fleet.url, BELAY_TOKEN: reader.token, BELAY_CA: fleet.ca } })).toMatchObject({ code: 5 });
});

test('a server that dies after the commit, or in the middle of a call, tells it when it is back, under the same id', async () => {
  hook.answer(204);
  const secret = (await fleet.ctl(['webhook', 'create', 'siem', hook.url])).stdout.trim();
  await fleet.killServer();
  const from = hook.calls.length;
  await committed('after the commit');
  await fleet.startServer();
  await within(20_000, () => hook.calls.length > from);
  expect(verifyCall(hook.calls[from] as (typeof hook.calls)[number], secret)).toMatchObject({ type: 'device-returned', data: { device: { name: 'after the commit' } } });

  hook.answer('hang');
  await committed('in the middle');
  const first = await within(20_000, () => hook.calls[from + 1]);
  await fleet.killServer();
  hook.answer(204);
  await fleet.startServer();
  const second = await within(AFTER_LEASE_MS, () => hook.calls[from + 2]);
  expect([second.headers['webhook-id'], second.body]).toEqual([first.headers['webhook-id'], first.body]);
  verifyCall(second, secret);
  expect(hook.calls.slice(from).filter(({ headers }) => headers['webhook-id'] === (hook.calls[from] as (typeof hook.calls)[number]).headers['webhook-id'])).toHaveLength(1);
});
