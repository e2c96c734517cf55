import type { ServerContext } from '../../context.ts';
import type { SecretBox } from '../../pki/secret-box.ts';
import type { Tables } from '../../store/index.ts';
import type { Delivery, Outcome } from './delivery.ts';
import type { Notice } from './notice.ts';
import type { AddressRules, Resolve } from './webhook-address.ts';
import { callWebhook } from './webhook-call.ts';

export type WebhookRow = Tables['webhooks'];
export type WebhookSenderDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'clock' | 'secrets'> & {
  readonly rules: AddressRules;
  /** PEM of authorities to trust besides the public ones. */
  readonly authorities?: string | undefined;
  readonly resolve?: Resolve | undefined;
};
type Message = Pick<Delivery, 'id' | 'payload' | 'createdAt'>;
export interface WebhookSender {
  deliver(delivery: Message & Pick<Delivery, 'target'>, signal: AbortSignal): Promise<Outcome>;
  /** The same for a webhook at hand, switched off or not. */
  call(webhook: WebhookRow, message: Message, signal: AbortSignal): Promise<Outcome>;
}

/** Calls webhooks, and keeps with each how it went last. */
export function createWebhookSender(deps: WebhookSenderDeps): WebhookSender {
  const { store, clock } = deps;
  return {
    async deliver(delivery, signal) {
      const webhook = await store.db.selectFrom('webhooks').selectAll().where('id', '=', delivery.target).executeTakeFirst();
      return webhook === undefined || webhook.disabled !== 0 ? { kind: 'dropped' } : this.call(webhook, delivery, signal);
    },
    async call(webhook, { id, payload, createdAt }, signal) {
      const secrets = secretsOf(webhook, deps.secrets, clock());
      if (secrets === undefined) return { kind: 'failed', why: 'its secret does not open with the secrets.key of this server' };
      const outcome = await callWebhook({ id, url: webhook.url, body: bodyOf(JSON.parse(payload) as Notice, createdAt), secrets }, deps, signal);
      if (!signal.aborted) await note(deps, webhook, outcome);
      return outcome;
    },
  };
}

/** The same bytes in every attempt. `docs/notice.schema.json` is its schema. */
export function bodyOf({ kind, ...data }: Notice, createdAt: number): string {
  return JSON.stringify({ type: kind, timestamp: new Date(createdAt).toISOString(), data });
}

/** Of one webhook: moved to another's row its secret does not open. */
export function purposeOf(id: string): string {
  return `webhook/${id}`;
}

function secretsOf(webhook: WebhookRow, box: SecretBox, now: number): readonly Uint8Array[] | undefined {
  const present = box.open(purposeOf(webhook.id), webhook.secret);
  if (present === undefined) return undefined;
  const old = webhook.old_secret === null || (webhook.old_until ?? 0) <= now ? undefined : box.open(purposeOf(webhook.id), webhook.old_secret);
  return old === undefined ? [present] : [present, old];
}

async function note({ store, serverEvents, clock }: WebhookSenderDeps, { id, name }: WebhookRow, outcome: Outcome): Promise<void> {
  const now = clock();
  if (!('why' in outcome)) {
    await store.db.updateTable('webhooks').set({ last_success_at: now }).where('id', '=', id).execute();
    return;
  }
  const { why } = outcome;
  await store.db.updateTable('webhooks').set({ last_failure_at: now, last_failure: why }).where('id', '=', id).execute();
  if (outcome.kind !== 'refused') return;
  await serverEvents.transact(async (tx, record) => {
    const changed = await tx.updateTable('webhooks').set({ disabled: 1 }).where('id', '=', id).where('disabled', '=', 0).executeTakeFirst();
    if (changed.numUpdatedRows > 0n) record({ type: 'webhook.disabled', fields: { webhook: id, name, why } });
  });
}
