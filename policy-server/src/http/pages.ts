import * as z from 'zod';
import { counter } from './route.ts';

const MAX_CURSOR = 1000;

/** Where a page ended, as text that means nothing to whoever carries it: the keys that the list is ordered by. */
function cursorOf<T extends z.ZodType>(keys: T) {
  return z.string().max(MAX_CURSOR).transform((text, context): unknown => {
    try {
      return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    } catch {
      context.addIssue('is not a cursor of this list');
      return z.NEVER;
    }
  }).pipe(keys);
}

export const byName = cursorOf(z.tuple([z.string().max(256).regex(/^[^\0]*$/), z.string().max(256).regex(/^[^\0]*$/)]));
export const byTime = cursorOf(z.tuple([counter, z.string().max(256).regex(/^[^\0]*$/)]));
export const byNumber = cursorOf(z.tuple([counter]));

/** The part of a query that every list takes. */
export function pageShape<T extends z.ZodType>(cursor: T) {
  return { limit: counter.min(1).max(200).default(100), cursor: cursor.optional() };
}

/** Of rows that were read one more than the page holds. */
export function paged<T>(rows: readonly T[], limit: number, keysOf: (row: T) => readonly (string | number)[]): { readonly rows: readonly T[]; readonly next: string | null } {
  const last = rows[limit - 1];
  const next = rows.length > limit && last !== undefined ? Buffer.from(JSON.stringify(keysOf(last))).toString('base64url') : null;
  return { rows: rows.slice(0, limit), next };
}

export const next = z.string().nullable().describe('The cursor of the next page; null on the last one');
