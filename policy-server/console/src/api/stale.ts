import type { QueryClient } from '@tanstack/react-query';

/** Hints of the server, and what they make stale. */
const STALE: Readonly<Record<string, readonly string[]>> = {
  requests: ['requests', 'grants', 'proposals'], devices: ['devices'], events: ['events'], policies: ['policies', 'proposals'], people: ['people', 'session'],
};
export const HINTS: readonly string[] = Object.keys(STALE);
/** Many hints at once are one question. */
const TOGETHER_MS = 150;

/**
 * Asks again for what a hint makes stale. What is on its way meanwhile is let arrive, as in a flood of hints nothing else would; but it may be
 * from before the hint, so it is asked for once more.
 */
export function createStale(client: QueryClient) {
  const names = new Set<string>();
  const [asking, again] = [new Set<string>(), new Set<string>()];
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;
  const askAgain = async (key: string): Promise<void> => {
    again.add(key);
    if (asking.has(key)) return;
    asking.add(key);
    while (again.delete(key) && !isStopped) {
      await Promise.allSettled(client.getQueryCache().findAll({ queryKey: [key], fetchStatus: 'fetching' }).flatMap(({ promise }) => promise ?? []));
      await client.invalidateQueries({ queryKey: [key] }, { cancelRefetch: false });
    }
    asking.delete(key);
  };
  const flush = (): void => {
    timer = undefined;
    const keys = new Set([...names].flatMap((name) => STALE[name] ?? []));
    names.clear();
    for (const key of keys) void askAgain(key);
  };
  return {
    add(name: string): void {
      names.add(name);
      timer ??= setTimeout(flush, TOGETHER_MS);
    },
    stop(): void {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}
