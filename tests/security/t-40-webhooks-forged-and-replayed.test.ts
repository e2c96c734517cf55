// T-40. Attacker: somebody who can send to a webhook's receiver, who has recorded a call, or who has a copy of the server's database.
// Set-up: a server with webhooks; a receiver that verifies by the words of Standard Webhooks alone.
// Procedure: change each signed part of a genuine call; play it again later; sign with another webhook's secret; use the old secret
// after a rotation; look for secrets in the database and put one webhook's into another's row. The receiver takes only what is genuine.
import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/fleet.ts';
import { type HookCall, verifyCall } from '../support/receivers.ts';
import { startTold, type Told } from '../support/told.ts';

const HOUR = 3_600_000;
let told: Told;
let offset = 0;
const now = () => Date.now() + offset;
beforeAll(async () => {
  told = await startTold({ clock: now });
});
afterEach(async () => {
  for (const { id } of (await ask('GET', '')).body['webhooks'] as { id: string }[]) await ask('POST', `/${id}/delete`, {});
});
afterAll(() => told.close());

const ask = (method: string, path: string, body?: unknown) => told.api.ask(method, `/api/v1/webhooks${path}`, { token: told.admin, ...(body === undefined ? {} : { body }) });
async function make(name: string): Promise<{ id: string; secret: string }> {
  const { body } = await ask('POST', '', { name, url: told.hook.url });
  return { id: (body['webhook'] as { id: string }).id, secret: body['secret'] as string };
}
async function called(id: string): Promise<HookCall> {
  expect((await ask('POST', `/${id}/test`, {})).body).toMatchObject({ delivered: true });
  return told.hook.calls.at(-1) as HookCall;
}
const withHeader = (call: HookCall, name: string, value: string): HookCall => ({ ...call, headers: { ...call.headers, [name]: value } });

test('a call that was changed anywhere, signed by another, or not at all is not taken', async () => {
  const [one, other] = [await make('one'), await make('other')];
  const call = await called(one.id);
  expect(verifyCall(call, one.secret, now())).toMatchObject({ type: 'test' });
  const at = Number(call.headers['webhook-timestamp']);
  const forged: readonly HookCall[] = [
    { ...call, body: call.body.replace('root', 'r00t') }, { ...call, body: `${call.body} ` },
    withHeader(call, 'webhook-id', 'msg_other'), withHeader(call, 'webhook-timestamp', String(at + 1)), withHeader(call, 'webhook-signature', ''),
    withHeader(call, 'webhook-signature', `v1,${createHmac('sha256', 'guess').update(`${String(call.headers['webhook-id'])}.${at}.${call.body}`).digest('base64')}`),
    withHeader(call, 'webhook-signature', String(call.headers['webhook-signature']).replace('v1,', 'v2,')),
  ];
  for (const each of forged) expect(() => verifyCall(each, one.secret, now())).toThrow('not signed');
  expect(() => verifyCall(call, other.secret, now())).toThrow('not signed');
});

test('a recorded call is too old after five minutes, and cannot be made young', async () => {
  const { id, secret } = await make('one');
  const call = await called(id);
  expect(() => verifyCall(call, secret, now() + 301_000)).toThrow('too old');
  expect(() => verifyCall(withHeader(call, 'webhook-timestamp', String(Math.floor(now() / 1000) + 301)), secret, now() + 301_000)).toThrow('not signed');
});

test('every attempt is signed at its own time: a call that was kept back for hours is fresh when it comes', async () => {
  const { id, secret } = await make('one');
  told.hook.answer(500);
  const from = told.hook.calls.length;
  await told.record({ kind: 'device-returned', device: { id: 'd', name: 'n' } });
  await eventually(async () => told.hook.calls.length > from && ((await ask('GET', '')).body['webhooks'] as { id: string; lastFailure: string | null }[]).some((each) => each.id === id && each.lastFailure !== null));
  told.hook.answer(204);
  offset += 3 * HOUR;
  await told.api.context.store.notify('notices');
  const call = await eventually(async () => told.hook.calls[from + 1]);
  expect(verifyCall(call, secret, now()).type).toBe('device-returned');
  expect(call.headers['webhook-id']).toBe((told.hook.calls[from] as HookCall).headers['webhook-id']);
});

test('after a rotation both secrets sign until the old one has had its time; at once when it was stolen', async () => {
  const { id, secret } = await make('one');
  const next = (await ask('POST', `/${id}/rotate`, { overlapMs: HOUR })).body['secret'] as string;
  const both = await called(id);
  expect([verifyCall(both, secret, now()).type, verifyCall(both, next, now()).type]).toEqual(['test', 'test']);
  offset += HOUR + 1000;
  const later = await called(id);
  expect(verifyCall(later, next, now()).type).toBe('test');
  expect(() => verifyCall(later, secret, now())).toThrow('not signed');
  const last = (await ask('POST', `/${id}/rotate`, { overlapMs: 0 })).body['secret'] as string;
  const after = await called(id);
  expect(verifyCall(after, last, now()).type).toBe('test');
  expect(() => verifyCall(after, next, now())).toThrow('not signed');
});

test('the database holds no secret in clear, a secret in another row opens nothing, and no answer or event shows one again', async () => {
  const [one, other] = [await make('one'), await make('other')];
  const { db } = told.api.context.store;
  const rows = await db.selectFrom('webhooks').selectAll().execute();
  const raw = Buffer.from(one.secret.slice('whsec_'.length), 'base64');
  for (const row of rows) expect(Buffer.from(row.secret).includes(raw)).toBe(false);
  const shown = [(await ask('GET', '')).text, (await told.api.ask('GET', '/api/v1/events?limit=1000', { token: told.admin })).text].join('');
  expect(shown).not.toContain(one.secret.slice('whsec_'.length));
  expect(shown).not.toContain('whsec_');
  const stolen = rows.find(({ id }) => id === one.id)?.secret as Uint8Array;
  await db.updateTable('webhooks').set({ secret: stolen }).where('id', '=', other.id).execute();
  const before = told.hook.calls.length;
  expect((await ask('POST', `/${other.id}/test`, {})).body).toMatchObject({ delivered: false, why: expect.stringContaining('does not open') });
  expect(told.hook.calls).toHaveLength(before);
});
