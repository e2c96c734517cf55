import { randomBytes } from 'node:crypto';
import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import { isName } from '../devices/names.ts';
import type { NoticeKind } from './notice.ts';
import { newId } from './outbox.ts';
import { type AddressRules, checkAddress, parseWebhookUrl, type Resolve } from './webhook-address.ts';
import { purposeOf, type WebhookRow, type WebhookSender } from './webhook-sender.ts';

/** A webhook as administrators see it. Times are Unix ms. Its secret is shown when it is made, and never again. */
export type Webhook = {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  /** Kinds of notices; empty: all. */
  readonly events: readonly NoticeKind[];
  readonly disabled: boolean;
  readonly createdAt: number;
  readonly createdBy: string;
  /** Until when the secret before the last rotation signs too. */
  readonly oldSecretUntil: number | null;
  readonly lastSuccessAt: number | null;
  readonly lastFailureAt: number | null;
  readonly lastFailure: string | null;
  /** Calls that still wait. */
  readonly waiting: number;
};
export type NewWebhook = { readonly name: string; readonly url: string; readonly events: readonly NoticeKind[] };
export type WithSecret = { readonly webhook: Webhook; readonly secret: string };
export type Tried = { readonly webhook: Webhook; readonly delivered: boolean; readonly why: string | null };

/** `by`: the account or token that acts. "Not there" is BELAY_E_NOT_PERMITTED. */
export interface WebhookService {
  list(): Promise<readonly Webhook[]>;
  create(webhook: NewWebhook, by: string): Promise<Result<WithSecret, Failure>>;
  delete(id: string, by: string): Promise<Result<Webhook, Failure>>;
  /** A new secret; the old one signs too for `overlapMs`, so that receivers can be changed one after the other. */
  rotate(id: string, overlapMs: number, by: string): Promise<Result<WithSecret, Failure>>;
  /** Calls it now, once. When that succeeds, a webhook that was switched off is on again. */
  test(id: string, by: string, signal: AbortSignal): Promise<Result<Tried, Failure>>;
}

export type WebhookServiceDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'clock' | 'secrets'> & {
  readonly rules: AddressRules; readonly sender: WebhookSender; readonly resolve?: Resolve | undefined;
};

const MAX_WEBHOOKS = 100;
const SECRET_BYTES = 32;

export function createWebhookService(deps: WebhookServiceDeps): WebhookService {
  return { ...makers(deps), ...users(deps) };
}

function makers(deps: WebhookServiceDeps): Pick<WebhookService, 'create' | 'delete' | 'rotate'> {
  const { serverEvents, clock, secrets } = deps;
  return {
    async create({ name, url: text, events }, by) {
      const url = await urlOf(deps, text);
      if (!url.ok) return url;
      if (!isName(name)) return err(failure('BELAY_E_BAD_REQUEST', 'A webhook\'s name has letters, digits and . _ : / @ - , at most 128.'));
      const id = `w-${randomBytes(9).toString('base64url')}`;
      const { key, secret } = newSecret();
      const row: WebhookRow = {
        id, name, url: url.value.href, secret: secrets.seal(purposeOf(id), key), old_secret: null, old_until: null, events: JSON.stringify([...new Set(events)]), disabled: 0,
        created_at: clock(), created_by: by, last_success_at: null, last_failure_at: null, last_failure: null,
      };
      const fault = await serverEvents.transact(async (tx, record) => {
        const others = await tx.selectFrom('webhooks').select('name').execute();
        if (others.length >= MAX_WEBHOOKS) return failure('BELAY_E_TOO_LARGE', `There are ${MAX_WEBHOOKS} webhooks already.`);
        if (others.some((other) => other.name === name)) return failure('BELAY_E_CONFLICT', 'Another webhook has this name.');
        await tx.insertInto('webhooks').values(row).execute();
        // The path may hold a token of the receiver's: the host is enough to know where things go.
        record({ type: 'webhook.created', fields: { by, webhook: id, name, host: url.value.host, kinds: events } });
        return undefined;
      });
      return fault === undefined ? ok({ webhook: webhookOf(row, 0), secret }) : err(fault);
    },
    delete: (id, by) => change(deps, id, async (tx, row, record) => {
      await tx.deleteFrom('webhooks').where('id', '=', id).execute();
      await tx.updateTable('outbox').set({ done_at: clock(), outcome: 'dropped', claimed_by: null, claimed_until: null }).where('target', '=', id).where('done_at', 'is', null).execute();
      record({ type: 'webhook.deleted', fields: { by, webhook: id, name: row.name } });
      return webhookOf(row, 0);
    }),
    rotate: (id, overlapMs, by) => change(deps, id, async (tx, row, record) => {
      const { key, secret } = newSecret();
      const until = clock() + overlapMs;
      const changes = { secret: secrets.seal(purposeOf(id), key), old_secret: overlapMs === 0 ? null : row.secret, old_until: overlapMs === 0 ? null : until };
      await tx.updateTable('webhooks').set(changes).where('id', '=', id).execute();
      record({ type: 'webhook.rotated', fields: { by, webhook: id, name: row.name, oldUntil: until } });
      return { webhook: webhookOf({ ...row, ...changes }, await waitingFor(tx, id)), secret };
    }),
  };
}

function users(deps: WebhookServiceDeps): Pick<WebhookService, 'list' | 'test'> {
  const { store, clock, sender } = deps;
  return {
    async list() {
      const rows = await store.db.selectFrom('webhooks').selectAll().orderBy('name').execute();
      const waiting = await store.db.selectFrom('outbox').select(['target', (eb) => eb.fn.countAll<number | string>().as('count')])
        .where('done_at', 'is', null).where('channel', '=', 'webhook').groupBy('target').execute();
      const counts = new Map(waiting.map(({ target, count }) => [target, Number(count)]));
      return rows.map((row) => webhookOf(row, counts.get(row.id) ?? 0));
    },
    async test(id, by, signal) {
      const before = await store.db.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirst();
      if (before === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
      const outcome = await sender.call(before, { id: newId('msg'), payload: JSON.stringify({ kind: 'test', by }), createdAt: clock() }, signal);
      const isDelivered = outcome.kind === 'delivered';
      if (isDelivered && before.disabled !== 0) await enable(deps, id, by);
      const after = await store.db.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirst();
      return ok({ webhook: webhookOf(after ?? before, await waitingFor(store.db, id)), delivered: isDelivered, why: 'why' in outcome ? outcome.why : null });
    },
  };
}

async function enable(deps: WebhookServiceDeps, id: string, by: string): Promise<void> {
  await change(deps, id, async (tx, row, record) => {
    await tx.updateTable('webhooks').set({ disabled: 0 }).where('id', '=', id).execute();
    record({ type: 'webhook.enabled', fields: { by, webhook: id, name: row.name } });
  });
}

type Recorder = Parameters<Parameters<ServerContext['serverEvents']['transact']>[0]>[1];

async function change<T>({ serverEvents }: WebhookServiceDeps, id: string, edit: (tx: Db, row: WebhookRow, record: Recorder) => Promise<T>): Promise<Result<T, Failure>> {
  const changed = await serverEvents.transact(async (tx, record) => {
    const row = await tx.selectFrom('webhooks').selectAll().where('id', '=', id).executeTakeFirst();
    return row === undefined ? undefined : { value: await edit(tx, row, record) };
  });
  return changed === undefined ? err(failure('BELAY_E_NOT_PERMITTED')) : ok(changed.value);
}

/** Refused early, where somebody reads why; each call looks again. */
async function urlOf({ rules, resolve }: WebhookServiceDeps, text: string): Promise<Result<URL, Failure>> {
  const url = parseWebhookUrl(text, rules);
  const checked = url.ok ? await checkAddress(url.value, rules, resolve) : url;
  return checked.ok ? ok(checked.value.url) : err(failure('BELAY_E_BAD_REQUEST', checked.error));
}

/** As Standard Webhooks writes it. */
function newSecret(): { readonly key: Uint8Array; readonly secret: string } {
  const key = randomBytes(SECRET_BYTES);
  return { key, secret: `whsec_${key.toString('base64')}` };
}

async function waitingFor(db: Db, id: string): Promise<number> {
  const { count } = await db.selectFrom('outbox').select((eb) => eb.fn.countAll<number | string>().as('count')).where('target', '=', id).where('done_at', 'is', null).executeTakeFirstOrThrow();
  return Number(count);
}

function webhookOf(row: WebhookRow, waiting: number): Webhook {
  return {
    id: row.id, name: row.name, url: row.url, events: JSON.parse(row.events) as NoticeKind[], disabled: row.disabled !== 0, createdAt: row.created_at, createdBy: row.created_by,
    oldSecretUntil: row.old_until, lastSuccessAt: row.last_success_at, lastFailureAt: row.last_failure_at, lastFailure: row.last_failure, waiting,
  };
}
