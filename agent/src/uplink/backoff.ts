/** Waits that double from `firstMs` up to `lastMs`, each drawn evenly from its upper half, so that a fleet does not return in step. */
export type Backoff = { readonly next: () => number; readonly reset: () => void };

export function createBackoff(firstMs: number, lastMs: number, random: () => number = Math.random): Backoff {
  let ceilingMs = firstMs;
  return {
    next: () => {
      const waitMs = ceilingMs * (0.5 + random() / 2);
      ceilingMs = Math.min(lastMs, ceilingMs * 2);
      return waitMs;
    },
    reset: () => { ceilingMs = firstMs; },
  };
}

/** Resolves after `ms`, or at once when `signal` is aborted; it never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, ms);
    signal.addEventListener('abort', finish, { once: true });
  });
}
