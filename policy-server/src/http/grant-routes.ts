import { ok } from '@belay/core/result';
import * as z from 'zod';
import { scopeOf } from '../features/accounts/permissions.ts';
import { actorFor } from '../features/accounts/principal.ts';
import type { GrantService } from '../features/requests/grant-service.ts';
import { byTime, next, paged, pageShape } from './pages.ts';
import { grantShape } from './request-shapes.ts';
import { flag, type Route, route, text } from './route.ts';

const listQuery = z.strictObject({ live: flag.optional(), device: text(256).describe('Id or name').optional(), user: text(256).optional(), ...pageShape(byTime) });

export function grantRoutes(grants: GrantService): readonly Route[] {
  return [
    route('GET /api/v1/grants', { query: listQuery, response: z.strictObject({ grants: z.array(grantShape), next }) }, async ({ query: { limit, cursor, ...filter }, principal }) => {
      const page = paged(await grants.list(filter, scopeOf(principal.bindings, 'requests.read'), { limit: limit + 1, after: cursor }), limit, ({ issuedAt, id }) => [issuedAt, id]);
      return ok({ grants: page.rows, next: page.next });
    }),
    route('POST /api/v1/grants/:id/revoke', { params: z.strictObject({ id: text(64) }), body: z.strictObject({ words: text(1000).optional() }), response: grantShape },
      ({ params, body, principal }) => grants.revoke(params.id, body.words, actorFor(principal, 'grants.revoke'))),
  ];
}
