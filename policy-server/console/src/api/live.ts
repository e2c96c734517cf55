import type { QueryClient } from '@tanstack/react-query';

export type LiveState = 'connecting' | 'live' | 'broken';

/** Hints of the server, and what they make stale. */
const STALE: Readonly<Record<string, readonly string[]>> = {
  requests: ['requests', 'grants', 'proposals'], devices: ['devices'], events: ['events'], policies: ['policies', 'proposals'], people: ['people', 'session'],
};
const AGAIN_MS = [1000, 2000, 5000, 15_000] as const;
/** Many hints at once are one question. */
const TOGETHER_MS = 150;

/** Listens until it is closed. Whatever was asked before the server listened may be stale: it is asked again. */
export function listenLive(client: QueryClient, told: (state: LiveState) => void): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isClosed = false;
  const stale = staleTogether(client);
  const open = (): void => {
    source = new EventSource('/api/v1/live');
    source.addEventListener('hello', () => {
      for (const key of Object.keys(STALE)) stale.add(key);
      failures = 0;
      told('live');
    });
    for (const name of Object.keys(STALE)) source.addEventListener(name, () => stale.add(name));
    source.addEventListener('error', () => {
      source?.close();
      if (isClosed) return;
      told('broken');
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

function staleTogether(client: QueryClient) {
  const names = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = (): void => {
    timer = undefined;
    const keys = new Set([...names].flatMap((name) => STALE[name] ?? []));
    names.clear();
    for (const key of keys) void client.invalidateQueries({ queryKey: [key] });
  };
  return {
    add(name: string): void {
      names.add(name);
      timer ??= setTimeout(flush, TOGETHER_MS);
    },
    stop: (): void => clearTimeout(timer),
  };
}
