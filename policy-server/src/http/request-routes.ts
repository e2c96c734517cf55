import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import * as z from 'zod';
import type { ServerContext } from '../context.ts';
import { scopeOf } from '../features/accounts/permissions.ts';
import type { Principal } from '../features/accounts/principal.ts';
import { createDetails, type RequestDetail } from '../features/requests/detail.ts';
import { createProposals } from '../features/requests/proposals.ts';
import { listRequests } from '../features/requests/read.ts';
import { createRequestService } from '../features/requests/service.ts';
import { byTime, next, paged, pageShape } from './pages.ts';
import { proposalShape, requestDetail, requestState, requestSummary } from './request-shapes.ts';
import { flag, type Route, route, text } from './route.ts';

const id = z.strictObject({ id: text(64) });
const words = text(1000);
const listQuery = z.strictObject({
  state: requestState.optional(), device: text(256).describe('Id or name').optional(), user: text(256).optional(), mine: flag.describe('Only what whoever asks has filed').optional(),
  review: flag.describe('Only emergencies that nobody has reviewed').optional(), ...pageShape(byTime),
});
const approval = z.strictObject({
  words: words.optional(), forMs: z.int().min(1000).describe('Shorter than was asked for').optional(), uses: z.int().min(1).describe('Fewer than were asked for').optional(),
  devices: z.array(text(256)).max(50).describe('Other devices that it is for as well, of those asked for, by id or name; left out: all that one may answer for').optional(),
  exact: z.literal(true).describe('Only the exact request, instead of the scope that was asked for').optional(),
});

export function requestRoutes(context: ServerContext): readonly Route[] {
  const requests = createRequestService(context);
  const details = createDetails(context);
  const shown = async (of: string, who: Principal): Promise<Result<RequestDetail, Failure>> => {
    const detail = await details.show(of, who);
    return detail === undefined ? err(failure('BELAY_E_NOT_PERMITTED')) : ok(detail);
  };
  const done = async (act: Promise<Result<void, Failure>>, of: string, who: Principal): Promise<Result<RequestDetail, Failure>> => {
    const acted = await act;
    return acted.ok ? shown(of, who) : acted;
  };
  return [
    route('GET /api/v1/requests', { query: listQuery, response: z.strictObject({ requests: z.array(requestSummary), next }) }, async ({ query: { limit, cursor, ...filter }, principal }) => {
      const page = paged(await listRequests(context, filter, principal, { limit: limit + 1, after: cursor }), limit, ({ filedAt, id: last }) => [filedAt, last]);
      return ok({ requests: page.rows, next: page.next });
    }),
    route('GET /api/v1/requests/:id', { params: id, response: requestDetail }, ({ params, principal }) => shown(params.id, principal)),
    route('POST /api/v1/requests/:id/approve', { params: id, body: approval, response: requestDetail }, ({ params, body, principal }) => done(requests.approve(params.id, body, principal), params.id, principal)),
    route('POST /api/v1/requests/:id/deny', { params: id, body: z.strictObject({ words }), response: requestDetail }, ({ params, body, principal }) => done(requests.deny(params.id, body.words, principal), params.id, principal)),
    route('POST /api/v1/requests/:id/review', { params: id, body: z.strictObject({ words }), response: requestDetail }, ({ params, body, principal }) => done(requests.review(params.id, body.words, principal), params.id, principal)),
    ...proposalRoutes(context),
  ];
}

function proposalRoutes(context: ServerContext): readonly Route[] {
  const proposals = createProposals(context);
  return [
    route('POST /api/v1/requests/:id/propose', { params: id, body: z.strictObject({}), response: z.strictObject({ proposal: proposalShape }) }, async ({ params, principal }) => {
      const proposal = await proposals.propose(params.id, principal);
      return proposal.ok ? ok({ proposal: proposal.value }) : proposal;
    }),
    route('GET /api/v1/proposals', { query: z.strictObject(pageShape(byTime)), response: z.strictObject({ proposals: z.array(proposalShape), next }) }, async ({ query: { limit, cursor }, principal }) => {
      const page = paged(await proposals.list({ limit: limit + 1, after: cursor }, scopeOf(principal.bindings, 'requests.read')), limit, ({ createdAt, id: last }) => [createdAt, last]);
      return ok({ proposals: page.rows, next: page.next });
    }),
    route('POST /api/v1/proposals/:id/settle', { params: id, body: z.strictObject({ outcome: z.enum(['taken', 'declined']) }), response: proposalShape }, ({ params, body, principal }) => proposals.settle(params.id, body.outcome, principal)),
  ];
}
