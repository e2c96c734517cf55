import { useState } from 'react';

type Steady<T> = {
  readonly rows: readonly T[] | undefined;
  /** How many are held back. */
  readonly held: number;
  release(): void;
};

/**
 * A live list that does not move under the hand: while `isHeld`, rows stay where they are (with their newest content, and after they have
 * left the list), and what is new waits until it is released.
 */
export function useSteady<T extends { readonly id: string }>(fresh: readonly T[] | undefined, isHeld: boolean, key: string): Steady<T> {
  const [shown, setShown] = useState<{ readonly key: string; readonly rows: readonly T[] | undefined }>({ key, rows: fresh });
  const isOther = shown.key !== key || shown.rows === undefined;
  const next = isOther || !isHeld ? fresh : merged(shown.rows ?? [], fresh ?? []);
  if (isOther ? shown.rows !== next || shown.key !== key : !sameRows(shown.rows, next)) setShown({ key, rows: next });
  const ids = new Set(next?.map(({ id }) => id));
  return { rows: next, held: (fresh ?? []).filter(({ id }) => !ids.has(id)).length, release: () => setShown({ key, rows: fresh }) };
}

function merged<T extends { readonly id: string }>(shown: readonly T[], fresh: readonly T[]): readonly T[] {
  const newest = new Map(fresh.map((row) => [row.id, row]));
  const kept = shown.map((row) => newest.get(row.id) ?? row);
  // Older pages that were asked for come below: they move nothing.
  const lastKnown = fresh.findLastIndex((row) => shown.some(({ id }) => id === row.id));
  const below = lastKnown < 0 ? [] : fresh.slice(lastKnown + 1);
  return [...kept, ...below];
}

function sameRows<T>(left: readonly T[] | undefined, right: readonly T[] | undefined): boolean {
  if (left === right) return true;
  return left !== undefined && right !== undefined && left.length === right.length && left.every((row, index) => row === right[index]);
}
