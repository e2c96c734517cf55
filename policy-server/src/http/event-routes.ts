import { once } from 'node:events';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import * as z from 'zod';
import type { ServerContext } from '../context.ts';
import { may, scopeOf } from '../features/accounts/permissions.ts';
import type { Principal } from '../features/accounts/principal.ts';
import type { DeviceService } from '../features/devices/service.ts';
import { csvLines, exportLines } from '../features/event-query/export.ts';
import type { EventFilter } from '../features/event-query/event-filter.ts';
import { eventProof } from '../features/event-query/proof.ts';
import { type EventQuery, isEventType } from '../features/event-query/service.ts';
import { wordsOf } from '../store/index.ts';
import { createArrivals } from './arrivals.ts';
import { type Answer, type Call, counter, type Route, route, STREAMED, text } from './route.ts';

export type EventRouteDeps = Pick<ServerContext, 'store' | 'keys' | 'clock' | 'log'> & { readonly events: EventQuery; readonly devices: Pick<DeviceService, 'show'> };

const types = z.string().max(1000).transform((value) => value.split(',')).pipe(z.array(z.string().refine(isEventType, 'is not an event type, see docs/events.md')).max(100));
/** What was typed into a search field; without letters and digits it finds nothing. */
const words = text(500).transform(wordsOf).refine((list) => list.length > 0, 'has no word to look for');
const filterShape = { type: types.optional(), text: words.optional(), device: text(256).optional(), user: text(256).optional(), request: counter.optional(), since: counter.optional(), until: counter.optional() };
const filterQuery = z.strictObject(filterShape);
type FilterQuery = z.output<typeof filterQuery>;

export const eventShape = z.strictObject({
  id: z.int(), device: z.string(), seq: z.int(), chain: z.string(), type: z.string(), deviceTime: z.int(), serverTime: z.int(), user: z.string().nullable(), uid: z.int().nullable(),
  request: z.int().nullable(), rule: z.string().nullable(), summary: z.string(), fields: z.record(z.string(), z.unknown()).describe('As docs/events.md says of its type'),
});

export const proofShape = z.strictObject({
  event: eventShape, server: z.string(), rootKey: z.string(), roleKeys: z.string(), admission: z.string(), writer: z.enum(['device', 'server']), newest: z.int(),
  start: z.strictObject({ seq: z.int(), head: z.string(), keyIndex: z.int(), publicKey: z.string() }).nullable().describe('The chain before the first record; null when the caller may not see the chain'),
  records: z.array(z.string()).describe('Base64 of each record, from the checkpoint before the event'), receipt: z.string().nullable().describe('The newest receipt of the chain'),
});

const MAX_TAILS = 200;
const TAIL_PAGE = 200;
/** Changes are told at once; this is for one that was not, and keeps the connection from looking dead. */
const LOOK_AGAIN_MS = 5000;

export function eventRoutes(deps: EventRouteDeps): readonly Route[] {
  const { events } = deps;
  const tails = new Set<object>();
  return [
    route('GET /api/v1/events', { query: z.strictObject({ ...filterShape, limit: counter.min(1).max(1000).default(100), before: counter.optional() }), response: z.strictObject({ events: z.array(eventShape), next: z.int().nullable() }) }, async ({ query, principal }) => {
      const filter = await filterOf(deps, query, principal);
      return filter.ok ? ok(await events.list(filter.value, query)) : filter;
    }),
    route('GET /api/v1/events/:id/proof', { params: z.strictObject({ id: counter }), query: z.strictObject({ after: counter.optional() }), response: proofShape },
      ({ params, query, principal }) => eventProof(deps, params.id, { ...query, scope: scopeOf(principal.bindings, 'events.read') })),
    route('GET /api/v1/events/tail', { query: z.strictObject({ ...filterShape, after: counter.optional() }), streams: 'text/event-stream' }, async (call) => {
      const filter = await filterOf(deps, call.query, call.principal);
      if (!filter.ok) return filter;
      if (tails.size >= MAX_TAILS) return err(failure('BELAY_E_BUSY'));
      tails.add(call);
      return tail(deps, call, filter.value, call.query.after).finally(() => tails.delete(call));
    }),
    route('GET /api/v1/events/export', { query: z.strictObject({ device: text(256).optional() }), streams: NDJSON.contentType }, async (call) => {
      const filter = await filterOf(deps, call.query, call.principal);
      return filter.ok ? stream(deps, call, NDJSON, exportLines(deps, filter.value.scope, filter.value.device)) : filter;
    }),
    route('GET /api/v1/events/csv', { query: filterQuery, streams: 'text/csv' }, async (call) => {
      const filter = await filterOf(deps, call.query, call.principal);
      return filter.ok ? stream(deps, call, CSV, csvLines(events.all(filter.value))) : filter;
    }),
  ];
}

/** A device is named by its id or its name; `server` means the servers themselves. */
async function filterOf({ devices }: EventRouteDeps, { type, text: searched, device, user, request, since, until }: Partial<FilterQuery>, principal: Principal): Promise<Result<EventFilter, Failure>> {
  const scope = scopeOf(principal.bindings, 'events.read');
  const known = device === undefined || (device === 'server' && scope === 'all') ? undefined : await devices.show(device, scope);
  if (known !== undefined && !known.ok) return known;
  return ok({ scope, types: type, words: searched, device: known === undefined ? device : known.value.id, user, request, since, until });
}

type AnyCall = Pick<Call<unknown, unknown, unknown>, 'reply' | 'signal' | 'principalNow' | 'requestId'>;

type Lines = { readonly contentType: string; readonly lineEnd: string };
const NDJSON: Lines = { contentType: 'application/x-ndjson', lineEnd: '\n' };
const CSV: Lines = { contentType: 'text/csv; charset=utf-8', lineEnd: '\r\n' };

/** Complete or visibly broken off: an error in the middle ends the connection without the end of the content. */
async function stream({ log }: EventRouteDeps, { reply, signal, requestId }: AnyCall, { contentType, lineEnd }: Lines, lines: AsyncIterable<string>): Promise<Answer> {
  reply.hijack();
  reply.raw.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-request-id': requestId });
  async function* content(): AsyncGenerator<string> {
    for await (const line of lines) yield line + lineEnd;
  }
  try {
    await pipeline(Readable.from(content()), reply.raw, { signal });
  } catch (error) {
    if (!signal.aborted) log.error({ err: error, request: requestId }, 'an export broke off');
  }
  return STREAMED;
}

/** Server-sent events (WHATWG HTML, 9.2): the id of each is where a lost connection goes on from. */
async function tail({ store, events, log }: EventRouteDeps, { reply, signal, principalNow, requestId }: AnyCall, filter: EventFilter, after: number | undefined): Promise<Answer> {
  let last = after ?? (await events.newestId());
  const arrivals = createArrivals();
  const unsubscribe = store.onChange('events', arrivals.ring);
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-request-id': requestId });
  const write = async (chunk: string): Promise<void> => {
    if (!raw.write(chunk)) await once(raw, 'drain', { signal });
  };
  try {
    await write(`event: ready\nid: ${last}\ndata: {}\n\n`);
    while (!signal.aborted) {
      const principal = await principalNow();
      if (principal === undefined || !may(principal.bindings, 'events.read')) break;
      const heard = arrivals.next(LOOK_AGAIN_MS, signal);
      const page = await events.after({ ...filter, scope: scopeOf(principal.bindings, 'events.read') }, last, TAIL_PAGE);
      last = page.last;
      for (const event of page.events) await write(`id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`);
      if (page.events.length < TAIL_PAGE && (await heard) === 'timeout') await write(': still here\n\n');
    }
  } catch (error) {
    if (!signal.aborted) log.error({ err: error, request: requestId }, 'a tail broke off');
  } finally {
    unsubscribe();
    raw.end();
  }
  return STREAMED;
}
