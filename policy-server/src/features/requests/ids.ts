import { randomLetters } from '../../random-letters.ts';

/** 50 random bits: a name for people, not a secret. Scope decides who sees what it names. */
export function newId(kind: 'r' | 'g' | 'p'): string {
  return `${kind}-${randomLetters(10)}`;
}

export const ID = /^[rgp]-[a-z2-7]{10}$/;
