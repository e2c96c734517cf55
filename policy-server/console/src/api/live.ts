import type { QueryClient } from '@tanstack/react-query';
import { createStale, HINTS } from './stale.ts';

export type LiveState = 'connecting' | 'live' | 'broken';

const AGAIN_MS = [1000, 2000, 5000, 15_000] as const;

/**
 * Listens until it is closed. Whatever was asked before the server listened may be stale: it is asked again. A stream that breaks off may be one
 * whose session has ended, which an EventSource does not tell: the session is asked for.
 */
export function listenLive(client: QueryClient, told: (state: LiveState) => void): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isClosed = false;
  const stale = createStale(client);
  const open = (): void => {
    source = new EventSource('/api/v1/live');
    source.addEventListener('hello', () => {
      for (const key of HINTS) stale.add(key);
      failures = 0;
      told('live');
    });
    for (const name of HINTS) source.addEventListener(name, () => stale.add(name));
    source.addEventListener('error', () => {
      source?.close();
      if (isClosed) return;
      told('broken');
      void client.invalidateQueries({ queryKey: ['session'] });
      timer = setTimeout(open, AGAIN_MS[Math.min(failures, AGAIN_MS.length - 1)]);
      failures += 1;
    });
  };
  told('connecting');
  open();
  return () => {
    isClosed = true;
    source?.close();
    clearTimeout(timer);
    stale.stop();
  };
}
