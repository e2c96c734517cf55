import { failure } from '@belay/core/codes';
import { err, ok } from '@belay/core/result';
import * as z from 'zod';
import type { ServerContext } from '../context.ts';
import { type Route, route, STREAMED } from './route.ts';

const status = z.strictObject({ status: z.enum(['ok', 'ready']) });

/** Health says that the process runs, readiness that it can work: its database answers. */
export function statusRoutes({ store, metrics, log }: Pick<ServerContext, 'store' | 'metrics' | 'log'>): readonly Route[] {
  return [
    route('GET /healthz', { response: status }, async () => ok({ status: 'ok' })),
    route('GET /readyz', { response: status }, async () => {
      try {
        await store.db.selectFrom('settings').select('key').limit(1).execute();
        return ok({ status: 'ready' });
      } catch (error) {
        log.warn({ err: error }, 'not ready: the database does not answer');
        return err(failure('BELAY_E_BUSY', 'The database does not answer.'));
      }
    }),
    route('GET /metrics', { streams: 'text/plain' }, async ({ reply }) => {
      await reply.type(metrics.contentType).send(await metrics.metrics());
      return STREAMED;
    }),
  ];
}
