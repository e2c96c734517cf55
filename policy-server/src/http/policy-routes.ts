import { ok } from '@belay/core/result';
import { z } from 'zod';
import type { PolicyService } from '../features/policies/service.ts';
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

export function policyRoutes(policies: PolicyService, bodyLimit: number): readonly Route[] {
  return [
    route('POST /api/v1/policies/apply', { body: applyBody, bodyLimit }, ({ body, principal }) => policies.apply(body, principal.name)),
    route('GET /api/v1/policies', { query: versionQuery }, ({ query }) => policies.list(query.version)),
    route('GET /api/v1/policies/:name', { params: z.strictObject({ name: text(256) }), query: versionQuery }, ({ params, query }) => policies.show(params.name, query.version)),
    route('GET /api/v1/policy-versions', { query: z.strictObject({ limit: counter.max(1000).default(100) }) }, async ({ query }) => ok({ versions: await policies.versions(query.limit) })),
    route('GET /api/v1/policy-versions/:from/diff/:to', { params: z.strictObject({ from: counter, to: counter }) }, async ({ params }) => {
      const changes = await policies.diff(params.from, params.to);
      return changes.ok ? ok({ changes: changes.value }) : changes;
    }),
    route('POST /api/v1/policy-versions/:version/rollback', { params: z.strictObject({ version: counter }), body: z.strictObject({ comment }) },
      ({ params, body, principal }) => policies.rollback(params.version, body.comment, principal.name)),
  ];
}
