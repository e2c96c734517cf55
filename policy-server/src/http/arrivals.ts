/** Something to wait for, in a stream. Rings are not counted: one before `next` is asked for is seen by looking first. */
export function createArrivals() {
  let wake: (() => void) | undefined;
  return {
    ring: (): void => wake?.(),
    /** Until it rings, or time is up, or the stream ends. */
    async next(timeoutMs: number, signal: AbortSignal): Promise<'rung' | 'timeout'> {
      return new Promise((resolve) => {
        const settle = (how: 'rung' | 'timeout') => (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', onAbort);
          wake = undefined;
          resolve(how);
        };
        const timer = setTimeout(settle('timeout'), timeoutMs);
        const onAbort = settle('rung');
        wake = settle('rung');
        signal.addEventListener('abort', onAbort, { once: true });
        if (signal.aborted) onAbort();
      });
    },
    /** So long, whatever rings; shorter when the stream ends. */
    async pause(timeoutMs: number, signal: AbortSignal): Promise<void> {
      return new Promise((resolve) => {
        const settle = (): void => {
          clearTimeout(timer);
          signal.removeEventListener('abort', settle);
          resolve();
        };
        const timer = setTimeout(settle, timeoutMs);
        signal.addEventListener('abort', settle, { once: true });
        if (signal.aborted) settle();
      });
    },
  };
}
