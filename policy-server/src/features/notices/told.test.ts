import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../../../tests/support/fleet.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../../tests/support/postgres.ts';
import { makeTls, startHookReceiver, verifyCall } from '../../../../tests/support/receivers.ts';
import { contentOf, headerOf, startTold, type Told } from '../../../../tests/support/told.ts';
import type { RoleBinding } from '../accounts/permissions.ts';
import { NOTICES } from './notice.ts';

const everywhere = (role: RoleBinding['role']): readonly RoleBinding[] => [{ role, groups: 'all' }];
const missing = postgresMissing();
const databases = missing === undefined ? (['sqlite', 'postgresql'] as const) : (['sqlite'] as const);

describe.each(databases)('who is told, on %s', (kind) => {
  let postgres: TestPostgres | undefined;
  let told: Told;
  let offset = 0;
  beforeAll(async () => {
    postgres = kind === 'postgresql' ? await startPostgres() : undefined;
    told = await startTold({ clock: () => Date.now() + offset, mail: { unknown: ['gone'] }, ...(postgres === undefined ? {} : { databaseUrl: postgres.createDatabase() }) });
    await told.person('alice', { email: 'alice@example.org', manager: 'mona', users: ['alice'] });
    await told.person('mona', { email: 'mona@example.org' });
    await told.account('carol', everywhere('approver'), { groups: ['helpdesk'] });
    await told.account('near', [{ role: 'approver', groups: ['own'] }]);
    await told.account('far', [{ role: 'approver', groups: ['other'] }]);
    await told.account('mona-account', everywhere('approver'), { email: null, person: 'mona' });
    await told.account('alice-admin', everywhere('administrator'), { person: 'alice' });
    await told.account('olga', everywhere('operator'));
    await told.account('vera', everywhere('viewer'));
    await told.account('mute', everywhere('approver'), { email: null });
    await told.account('off', everywhere('approver'));
    await told.api.context.store.db.updateTable('accounts').set({ disabled: 1 }).where('name', '=', 'off').execute();
  });
  afterEach(async () => {
    await told.api.context.store.db.deleteFrom('outbox').execute();
  });
  afterAll(async () => {
    await told.close();
    await postgres?.close();
  });

  const rows = () => told.api.context.store.db.selectFrom('outbox').selectAll().execute();
  /** Everything of one notice, until nothing waits any more. */
  const lettersOf = async (notice: Parameters<Told['record']>[0]) => {
    const before = told.mailbox().mails.length;
    await told.record(notice);
    await eventually(async () => {
      const all = await rows();
      return all.length > 0 && all.every(({ done_at: doneAt }) => doneAt !== null);
    });
    const sent = (await rows()).filter(({ channel, outcome }) => channel === 'email' && outcome === 'delivered').length;
    await eventually(async () => told.mailbox().mails.length === before + sent);
    const mails = told.mailbox().mails.slice(before);
    await told.api.context.store.db.deleteFrom('outbox').execute();
    return mails;
  };
  const to = (mails: readonly { readonly to: readonly string[] }[]) => mails.flatMap((mail) => mail.to).toSorted();

  test.each([
    ['role:approver', ['carol', 'mona', 'near']],
    ['role:administrator', []],
    ['role:operator', []],
    ['group:helpdesk', ['carol']],
    ['user:near', ['near']],
    ['user:far', []],
    ['manager', ['mona']],
  ] as const)('%s: who may answer, in scope of the device, never whoever asks', async (from, names) => {
    const request = { ...told.request, person: { id: 'p-alice', name: 'alice' } };
    for (const notice of ['request-filed', 'request-escalated'] as const) expect(to(await lettersOf({ kind: notice, request, from: [from] }))).toEqual(names.map((name) => `${name}@example.org`));
  });

  test('of somebody who is not known, the owner of the device is not asked', async () => {
    const { db } = told.api.context.store;
    await db.updateTable('devices').set({ owner_person_id: 'p-mona' }).where('id', '=', told.device).execute();
    expect(to(await lettersOf({ kind: 'request-filed', request: told.request, from: ['role:approver'] }))).toEqual(['carol@example.org', 'near@example.org']);
    await db.updateTable('devices').set({ owner_person_id: null }).where('id', '=', told.device).execute();
  });

  test('the answer goes to the person who asked, and to nobody when it is not known who that is', async () => {
    const answer = { kind: 'request-answered', state: 'denied', by: ['carol'], words: 'Use the test machine', at: 1 } as const;
    const mails = await lettersOf({ ...answer, request: { ...told.request, person: { id: 'p-alice', name: 'alice' } } });
    expect(to(mails)).toEqual(['alice-admin@example.org']);
    expect(contentOf(mails[0]?.raw ?? '')).toContain('Use the test machine');
    await told.api.context.store.db.updateTable('accounts').set({ disabled: 1 }).where('name', '=', 'alice-admin').execute();
    expect(to(await lettersOf({ ...answer, request: { ...told.request, person: { id: 'p-alice', name: 'alice' } } }))).toEqual(['alice@example.org']);
    await told.api.context.store.db.updateTable('accounts').set({ disabled: 0 }).where('name', '=', 'alice-admin').execute();
    expect(await lettersOf({ ...answer, request: told.request })).toEqual([]);
    expect(await lettersOf({ ...answer, state: 'cancelled', request: { ...told.request, person: { id: 'p-alice', name: 'alice' } } })).toEqual([]);
  });

  test('of an emergency everybody hears who answers for the device', async () => {
    const mails = await lettersOf({ kind: 'emergency-opened', request: { ...told.request, emergency: true }, grant: 'g-1', by: ['carol'], expiresAt: 2 });
    expect(to(mails)).toEqual(['alice-admin', 'carol', 'mona', 'near', 'olga'].map((name) => `${name}@example.org`));
  });

  test('a letter goes over TLS, says who and what, links to the request, and can be told from its repetition', async () => {
    const [mail] = await lettersOf({ kind: 'request-filed', request: told.request, from: ['user:carol'] });
    const raw = mail?.raw ?? '';
    expect(mail).toMatchObject({ from: 'belay@example.org', to: ['carol@example.org'], secure: true });
    expect(headerOf(raw, 'subject')).toBe('Belay #217: alice on laptop asks for approval');
    expect(headerOf(raw, 'message-id')).toMatch(/^<mail_[\w-]{20}@example\.org>$/);
    expect(headerOf(raw, 'message-id')).toBe(`<${headerOf(raw, 'x-belay-notice')}@example.org>`);
    expect(headerOf(raw, 'references')).toBe('<r-abcdefghij@example.org>');
    expect(headerOf(raw, 'auto-submitted')).toBe('auto-generated');
    const parts = contentOf(raw);
    for (const part of ['text/plain', 'text/html', '/usr/bin/id -u', 'to see', 'https://belay.example.org:7445/requests/r-abcdefghij']) expect(parts).toContain(part);
  });

  test('a request that nobody can answer any more is nobody\'s letter', async () => {
    expect(await lettersOf({ kind: 'request-filed', request: { ...told.request, expiresAt: Date.now() + offset - 1 }, from: ['role:approver'] })).toEqual([]);
  });

  test('an address that the mail server does not know is given up at once, which is on record', async () => {
    await told.account('gone', everywhere('approver'));
    expect(await lettersOf({ kind: 'request-filed', request: told.request, from: ['user:gone'] })).toEqual([]);
    const events = await told.api.ask('GET', '/api/v1/events?type=notice.failed', { token: told.admin });
    expect(events.body['events']).toMatchObject([{ fields: { to: 'e-mail gone@example.org', about: 'request-filed: EENVELOPE, answered 550' } }]);
  });

  test('while the mail server is down letters wait; once it is back they arrive, each once', async () => {
    await told.stopMail();
    await told.record({ kind: 'request-filed', request: { ...told.request, expiresAt: told.request.expiresAt + 86_400_000 }, from: ['user:carol', 'user:near'] });
    await eventually(async () => (await rows()).filter(({ attempts }) => attempts > 0).length === 3);
    await told.restartNotices();
    await told.startMail();
    offset += 10_000;
    await told.api.context.store.notify('notices');
    await eventually(async () => told.mailbox().mails.length >= 2);
    await eventually(async () => (await rows()).every(({ done_at: doneAt }) => doneAt !== null));
    expect(to(told.mailbox().mails)).toEqual(['carol@example.org', 'near@example.org']);
  });

  test('every kind of notice reaches a webhook signed, in the form that is documented', async () => {
    const made = await told.api.ask('POST', '/api/v1/webhooks', { token: told.admin, body: { name: 'all', url: told.hook.url } });
    expect([made.status, made.body]).toMatchObject([200, { secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/), webhook: { name: 'all', events: [], disabled: false } }]);
    const few = await told.api.ask('POST', '/api/v1/webhooks', { token: told.admin, body: { name: 'few', url: `${told.hook.url}/few`, events: ['device-silent'] } });
    const secret = made.body['secret'] as string;
    const { request, device: id } = told;
    const device = { id, name: 'laptop' };
    const notices = [
      { kind: 'request-filed', request, from: ['role:nobody'] }, { kind: 'request-escalated', request, from: ['role:nobody'] },
      { kind: 'request-answered', request, state: 'approved', by: ['carol'], words: null, at: 1 }, { kind: 'emergency-opened', request, grant: 'g', by: ['c'], expiresAt: 2 },
      { kind: 'emergency-reviewed', request, by: 'c', words: 'w', at: 3 }, { kind: 'device-silent', device, lastSeenAt: 4 }, { kind: 'device-returned', device }, { kind: 'test', by: 'c' },
    ] as const;
    for (const notice of notices) await told.record(notice);
    await eventually(async () => told.hook.calls.length === notices.length + 1);
    const calls = told.hook.calls.filter(({ path }) => path === '/hook').map((call) => ({ call, content: verifyCall(call, secret, Date.now() + offset) }));
    for (const notice of notices) {
      const { kind: type, ...data } = notice;
      const found = calls.find(({ content }) => content.type === type);
      expect(found?.content.data).toEqual(data);
      expect(NOTICES[type].data.safeParse(found?.content.data).success).toBe(true);
      expect(found?.call).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json', 'webhook-id': expect.stringMatching(/^msg_/) } });
    }
    expect(new Set(calls.map(({ call }) => call.headers['webhook-id'])).size).toBe(notices.length);
    const other = told.hook.calls.filter(({ path }) => path === '/hook/few');
    expect(other.map((call) => verifyCall(call, few.body['secret'] as string, Date.now() + offset).type)).toEqual(['device-silent']);
    const listed = await told.api.ask('GET', '/api/v1/webhooks', { token: told.admin });
    await eventually(async () => (await rows()).every(({ done_at: doneAt }) => doneAt !== null));
    expect(JSON.stringify(listed.body)).not.toContain('whsec_');
    for (const { id: each } of (listed.body['webhooks'] as { id: string }[])) expect((await told.api.ask('POST', `/api/v1/webhooks/${each}/delete`, { token: told.admin, body: {} })).status).toBe(200);
  });

  test('a receiver that fails is called again, alike but for the time; one that says nobody listens is switched off, and on by a test', async () => {
    const from = told.hook.calls.length;
    const made = (await told.api.ask('POST', '/api/v1/webhooks', { token: told.admin, body: { name: 'shaky', url: told.hook.url } })).body as { secret: string; webhook: { id: string } };
    const path = `/api/v1/webhooks/${made.webhook.id}`;
    told.hook.answerEach((_call, index) => (index === from ? 500 : index === from + 1 ? 204 : 410));
    await told.record({ kind: 'device-returned', device: { id: told.device, name: 'laptop' } });
    await eventually(async () => (await rows()).some(({ last_error: why }) => why === 'answered 500'));
    offset += 6000;
    await told.api.context.store.notify('notices');
    await eventually(async () => told.hook.calls.length === from + 2);
    const [first, second] = told.hook.calls.slice(from) as [(typeof told.hook.calls)[number], (typeof told.hook.calls)[number]];
    expect([second.headers['webhook-id'], second.body]).toEqual([first.headers['webhook-id'], first.body]);
    expect(Number(second.headers['webhook-timestamp'])).toBeGreaterThan(Number(first.headers['webhook-timestamp']));
    for (const call of [first, second]) verifyCall(call, made.secret, Date.now() + offset);
    await told.record({ kind: 'device-returned', device: { id: told.device, name: 'laptop' } });
    const shown = async () => ((await told.api.ask('GET', '/api/v1/webhooks', { token: told.admin })).body['webhooks'] as Record<string, unknown>[])[0];
    await eventually(async () => (await shown())?.['disabled'] === true);
    const count = told.hook.calls.length;
    await told.record({ kind: 'device-returned', device: { id: told.device, name: 'laptop' } });
    await eventually(async () => (await rows()).every(({ done_at: doneAt }) => doneAt !== null));
    expect(told.hook.calls).toHaveLength(count);
    const tried = () => told.api.ask('POST', `${path}/test`, { token: told.admin, body: {} });
    expect((await tried()).body).toMatchObject({ delivered: false, why: 'answered 410: nobody listens there any more', webhook: { disabled: true } });
    told.hook.answer(200);
    expect((await tried()).body).toMatchObject({ delivered: true, why: null, webhook: { disabled: false } });
    expect(verifyCall(told.hook.calls.at(-1) as (typeof told.hook.calls)[number], made.secret, Date.now() + offset)).toMatchObject({ type: 'test', data: { by: 'root' } });
    await told.api.ask('POST', `${path}/delete`, { token: told.admin, body: {} });
    const acts = (await told.api.ask('GET', '/api/v1/events?type=webhook.created,webhook.deleted,webhook.disabled,webhook.enabled&limit=4', { token: told.admin })).body['events'] as { type: string; fields: Record<string, unknown> }[];
    expect(acts.map(({ type, fields }) => `${type} ${String(fields['name'])} ${String(fields['by'])}`)).toEqual(['webhook.deleted shaky root', 'webhook.enabled shaky root', 'webhook.disabled shaky undefined', 'webhook.created shaky root']);
  });

  test('a webhook that is deleted is not called for what still waits', async () => {
    told.hook.answer(503);
    const made = (await told.api.ask('POST', '/api/v1/webhooks', { token: told.admin, body: { name: 'brief', url: told.hook.url } })).body as { webhook: { id: string } };
    await told.record({ kind: 'device-returned', device: { id: told.device, name: 'laptop' } });
    await eventually(async () => ((await told.api.ask('GET', '/api/v1/webhooks', { token: told.admin })).body['webhooks'] as { waiting: number; lastFailure: string }[])[0]?.lastFailure === 'answered 503');
    expect((await told.api.ask('POST', `/api/v1/webhooks/${made.webhook.id}/delete`, { token: told.admin, body: {} })).status).toBe(200);
    expect((await rows()).filter(({ channel }) => channel === 'webhook')).toMatchObject([{ outcome: 'dropped' }]);
    for (const act of ['delete', 'test', 'rotate']) expect((await told.api.ask('POST', `/api/v1/webhooks/${made.webhook.id}/${act}`, { token: told.admin, body: {} })).status).toBe(404);
  });
});

describe('the ways out', () => {
  const open: { close(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.close();
  });
  const start = async (options: Parameters<typeof startTold>[0] = {}): Promise<Told> => {
    const told = await startTold(options);
    open.push(told);
    return told;
  };

  test('TLS from the first byte, signed in', async () => {
    const told = await start({ mail: { tls: 'required', user: 'belay', password: 'a password' }, smtp: (_mailbox, { folder }) => {
      writeFileSync(join(folder, 'password'), 'a password\n', { mode: 0o600 });
      return `tls: required, user: belay, passwordFile: ${JSON.stringify(join(folder, 'password'))}`;
    } });
    await told.account('carol', everywhere('approver'));
    await told.record({ kind: 'request-filed', request: told.request, from: ['role:approver'] });
    await eventually(async () => told.mailbox().mails.length === 1);
    expect(told.mailbox().mails[0]).toMatchObject({ to: ['carol@example.org'], secure: true });
  });

  test.each([
    ['a server that has no TLS', { tls: 'none' }, /ETLS|ESOCKET|starttls/i],
    ['a certificate that nobody we trust has signed', { tls: 'starttls' }, /ESOCKET|ETLS|CERT|SELF_SIGNED|UNABLE/],
  ] as const)('%s gets no letter', async (name, mail, why) => {
    const told = await start({ mail });
    // The authorities of somebody else.
    if (name.startsWith('a certificate')) {
      const other = await makeTls();
      copyFileSync(other.ca, told.tls.ca);
      other.close();
      await told.restartNotices();
    }
    await told.account('carol', everywhere('approver'));
    await told.record({ kind: 'request-filed', request: told.request, from: ['role:approver'] });
    const row = await eventually(() => told.api.context.store.db.selectFrom('outbox').selectAll().where('channel', '=', 'email').where('attempts', '>', 0).executeTakeFirst());
    expect([row.outcome, row.last_error]).toEqual([null, expect.stringMatching(why)]);
    expect(told.mailbox().mails).toEqual([]);
  });

  test('without one, and with none on this machine: letters are not made; in clear they go to this machine alone', async () => {
    const told = await start({ mail: { tls: 'none' }, smtp: () => 'tls: none' });
    await told.account('carol', everywhere('approver'));
    await told.record({ kind: 'request-filed', request: told.request, from: ['role:approver'] });
    await eventually(async () => told.mailbox().mails.length === 1);
    expect(told.mailbox().mails[0]?.secure).toBe(false);
  });

  test('http:// to this machine only when the configuration says so', async () => {
    const told = await start({ webhooks: 'allowHttpToLoopback: true' });
    const relay = await startHookReceiver(undefined);
    open.push(relay);
    const make = (url: string, name: string) => told.api.ask('POST', '/api/v1/webhooks', { token: told.admin, body: { name, url } });
    expect((await make(told.hook.url, 'https to loopback')).status).toBe(400);
    const made = await make(relay.url, 'relay');
    expect(made.status).toBe(200);
    await told.record({ kind: 'device-returned', device: { id: told.device, name: 'laptop' } });
    await eventually(async () => relay.calls.length === 1);
    verifyCall(relay.calls[0] as (typeof relay.calls)[number], made.body['secret'] as string);
  });
});
