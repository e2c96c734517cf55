import type { JournalStore } from '../journal/journal-store.ts';

const BLOCK = 64;

export interface RequestNumbers {
  next(): number;
  /** Gives back what is left, so that a clean stop leaves no gap. */
  close(): void;
}

/** Numbers for people, never given twice: reserved by blocks, so that a crash skips some rather than repeat one. */
export function createRequestNumbers(store: Pick<JournalStore, 'reserveRequests' | 'returnRequests'>): RequestNumbers {
  let next = store.reserveRequests(BLOCK);
  let end = next + BLOCK;
  return {
    next() {
      if (next === end) {
        next = reserve(store, end);
        end = next + BLOCK;
      }
      return next++;
    },
    close: () => store.returnRequests(next),
  };
}

/** On a full disk people still get a number; those given may be given again after a crash. */
function reserve(store: Pick<JournalStore, 'reserveRequests'>, end: number): number {
  try {
    return store.reserveRequests(BLOCK);
  } catch {
    return end;
  }
}
