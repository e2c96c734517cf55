import { once } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { failure } from '@belay/core/codes';
import { err } from '@belay/core/result';
import type { ServerContext } from '../context.ts';
import type { Principal } from '../features/accounts/principal.ts';
import { createPending, type Hint, HINT_NAMES, HINTS, isTold, type Reach, reachOf } from '../features/live/hints.ts';
import { createView, type View } from '../features/live/view.ts';
import { createArrivals } from './arrivals.ts';
import { type Answer, type Call, type Route, route, STREAMED } from './route.ts';

export type LiveRouteDeps = Pick<ServerContext, 'store' | 'log'>;

const MAX_STREAMS = 1000;
/** Of one account or token: some browsers with some tabs. */
const MAX_OF_ONE = 16;
/** A hint comes at once; those right after it come together. */
const TOGETHER_MS = 100;
const SIGNED_IN_MS = 5000;
const KEEP_ALIVE_MS = 15_000;

/** Hints that something has changed, as server-sent events (WHATWG HTML, 9.2): what it is now is asked for as ever. */
export function liveRoutes(deps: LiveRouteDeps): readonly Route[] {
  const streams = new Map<object, string>();
  return [
    route('GET /api/v1/live', { streams: 'text/event-stream' }, async (call) => {
      const whose = holderOf(call.principal);
      const ofOne = [...streams.values()].filter((other) => other === whose).length;
      if (streams.size >= MAX_STREAMS || ofOne >= MAX_OF_ONE) return err(failure('BELAY_E_BUSY'));
      streams.set(call, whose);
      return live(deps, call).finally(() => streams.delete(call));
    }),
  ];
}

function holderOf({ accountId, tokenId }: Principal): string {
  return accountId ?? tokenId;
}

type AnyCall = Call<unknown, unknown, unknown>;

async function live({ store, log }: LiveRouteDeps, { principal, reply, signal, principalNow, requestId }: AnyCall): Promise<Answer> {
  const listener = createListener(store);
  reply.hijack();
  const { raw } = reply;
  raw.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no', 'x-content-type-options': 'nosniff', 'x-request-id': requestId });
  // Whoever reads slowly is waited for; meanwhile hints only pile up to "look at all of them".
  const write = async (chunk: string): Promise<void> => {
    if (!raw.write(chunk)) await once(raw, 'drain', { signal });
  };
  try {
    await listener.narrow(principal);
    await write('event: hello\ndata: {}\n\n');
    let [checkedAt, saidAt] = [performance.now(), performance.now()];
    while (!signal.aborted) {
      const hints = await listener.next(SIGNED_IN_MS, signal);
      if (performance.now() - checkedAt >= SIGNED_IN_MS) {
        const now = await principalNow();
        if (now === undefined) break;
        await listener.narrow(now);
        checkedAt = performance.now();
      }
      const isQuiet = hints.length === 0 && performance.now() - saidAt >= KEEP_ALIVE_MS;
      if (hints.length > 0 || isQuiet) {
        await write(isQuiet ? ': keep-alive\n\n' : hints.map(textOf).join(''));
        saidAt = performance.now();
      }
    }
  } catch (error) {
    if (!signal.aborted) log.error({ err: error, request: requestId }, 'a live stream broke off');
  } finally {
    listener.close();
    raw.end();
  }
  return STREAMED;
}

/** Hears what changes, on every server, and says of it what its caller may be told. */
function createListener(store: LiveRouteDeps['store']) {
  const pending = createPending();
  const arrivals = createArrivals();
  let reach: Reach | undefined;
  let view: View | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  const endListening = HINT_NAMES.map((name) => store.onChange(HINTS[name].from, (payload) => {
    if (reach === undefined || !isTold(reach, name)) return;
    pending.add(name, name === 'events' || name === 'policies' ? '' : payload);
    arrivals.ring();
  }));
  return {
    /** To what the caller may see from now on. When that has changed, everything is to be looked at again. */
    async narrow({ bindings }: Principal): Promise<void> {
      const next = reachOf(bindings);
      if (isDeepStrictEqual(reach, next)) return;
      if (reach !== undefined) for (const name of HINT_NAMES) pending.add(name, '');
      reach = next;
      view = await createView(store.db, next);
    },
    /** None when there were none in time. */
    async next(timeoutMs: number, signal: AbortSignal): Promise<readonly Hint[]> {
      if (pending.isEmpty()) await arrivals.next(timeoutMs, signal);
      if (pending.isEmpty() || view === undefined) return [];
      const restMs = lookedAt + TOGETHER_MS - performance.now();
      if (restMs > 0) await arrivals.pause(restMs, signal);
      lookedAt = performance.now();
      return view.see(pending.take());
    },
    close(): void {
      for (const end of endListening) end();
    },
  };
}

/** JSON has no line ends: an id cannot begin another event. */
function textOf({ name, id }: Hint): string {
  return `event: ${name}\ndata: ${JSON.stringify(id === undefined ? {} : { id })}\n\n`;
}
