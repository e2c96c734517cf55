import { ok } from '@belay/core/result';
import * as z from 'zod';
import type { PolicyService } from '../features/policies/service.ts';
import { byNumber, next, paged, pageShape } from './pages.ts';
import { counter, type Route, route, text } from './route.ts';

const MAX_FILES = 1000;
const MAX_FILE = 1024 * 1024;
const comment = z.string().max(1000).regex(/^[^\0\uD800-\uDFFF]*$/u).default('');
const fileName = text(512).regex(/^[^\p{Cc}]*$/u, 'must not hold control characters');

const applyBody = z.strictObject({
  files: z.array(z.strictObject({ name: fileName, text: z.string().max(MAX_FILE) })).max(MAX_FILES),
  comment,
  baseVersion: z.int().min(0).optional(),
  prune: z.boolean().optional(),
  dryRun: z.boolean().optional(),
});
const versionQuery = z.strictObject({ version: counter.optional() });

export const change = z.strictObject({ name: z.string(), change: z.enum(['added', 'changed', 'removed', 'unchanged']), diff: z.string().describe('Unified') });
const applied = z.strictObject({ version: z.int(), published: z.boolean(), changes: z.array(change) });
const summary = { kind: z.string(), name: z.string(), fileName: z.string(), digest: z.string(), description: z.string(), targets: z.unknown() };
export const listed = z.strictObject({ version: z.int(), policies: z.array(z.strictObject(summary)) });
export const versionShape = z.strictObject({ version: z.int(), createdAt: z.int(), createdBy: z.string(), comment: z.string(), rollbackOf: z.int().nullable() });

export function policyRoutes(policies: PolicyService, bodyLimit: number): readonly Route[] {
  return [
    route('POST /api/v1/policies/apply', { body: applyBody, bodyLimit, response: applied }, ({ body, principal }) => policies.apply(body, principal.name)),
    route('GET /api/v1/policies', { query: versionQuery, response: listed }, ({ query }) => policies.list(query.version)),
    route('GET /api/v1/policies/:name', { params: z.strictObject({ name: text(256) }), query: versionQuery, response: z.strictObject({ ...summary, version: z.int(), source: z.string() }) },
      ({ params, query }) => policies.show(params.name, query.version)),
    route('GET /api/v1/policy-versions', { query: z.strictObject(pageShape(byNumber)), response: z.strictObject({ versions: z.array(versionShape), next }) }, async ({ query: { limit, cursor } }) => {
      const page = paged(await policies.versions(limit + 1, cursor?.[0]), limit, ({ version }) => [version]);
      return ok({ versions: page.rows, next: page.next });
    }),
    route('GET /api/v1/policy-versions/:from/diff/:to', { params: z.strictObject({ from: counter, to: counter }), response: z.strictObject({ changes: z.array(change) }) }, async ({ params }) => {
      const changes = await policies.diff(params.from, params.to);
      return changes.ok ? ok({ changes: changes.value }) : changes;
    }),
    route('POST /api/v1/policy-versions/:version/rollback', { params: z.strictObject({ version: counter }), body: z.strictObject({ comment }), response: applied },
      ({ params, body, principal }) => policies.rollback(params.version, body.comment, principal.name)),
  ];
}
