import { ok } from '@belay/core/result';
import * as z from 'zod';
import { NOTICE_KINDS } from '../features/notices/notice.ts';
import type { WebhookService } from '../features/notices/webhooks.ts';
import { next } from './pages.ts';
import { type Route, route, text } from './route.ts';

const DAY_MS = 86_400_000;

const params = z.strictObject({ id: text(64) });
const kinds = z.array(z.enum(NOTICE_KINDS as readonly [string, ...string[]] as typeof NOTICE_KINDS)).max(50).describe('Kinds of notices; none: all');
const shown = z.strictObject({
  id: z.string(), name: z.string(), url: z.string(), events: kinds, disabled: z.boolean(), createdAt: z.int(), createdBy: z.string(),
  oldSecretUntil: z.int().nullable().describe('Until when the secret before the last rotation signs too'),
  lastSuccessAt: z.int().nullable(), lastFailureAt: z.int().nullable(), lastFailure: z.string().nullable(), waiting: z.int().describe('Calls that still wait'),
});
const withSecret = z.strictObject({ webhook: shown, secret: z.string().describe('Shown this once') });
const tried = z.strictObject({ webhook: shown, delivered: z.boolean(), why: z.string().nullable() });
const made = z.strictObject({ name: text(128), url: text(2048), events: kinds.default([]) });
const rotation = z.strictObject({ overlapMs: z.int().min(0).max(30 * DAY_MS).default(DAY_MS).describe('For how long the old secret signs too') });

export function webhookRoutes(webhooks: WebhookService): readonly Route[] {
  return [
    // There are never more than fit on one page.
    route('GET /api/v1/webhooks', { response: z.strictObject({ webhooks: z.array(shown), next }) }, async () => ok({ webhooks: await webhooks.list(), next: null })),
    route('POST /api/v1/webhooks', { body: made, response: withSecret }, ({ body, principal }) => webhooks.create(body, principal.name)),
    route('POST /api/v1/webhooks/:id/delete', { params, response: shown }, ({ params: { id }, principal }) => webhooks.delete(id, principal.name)),
    route('POST /api/v1/webhooks/:id/rotate', { params, body: rotation, response: withSecret }, ({ params: { id }, body, principal }) => webhooks.rotate(id, body.overlapMs, principal.name)),
    route('POST /api/v1/webhooks/:id/test', { params, response: tried }, ({ params: { id }, principal, signal }) => webhooks.test(id, principal.name, signal)),
  ];
}
