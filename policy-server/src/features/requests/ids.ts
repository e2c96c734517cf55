import { randomInt } from 'node:crypto';

const LETTERS = 'abcdefghijklmnopqrstuvwxyz234567';

/** 50 random bits: a name for people, not a secret. Scope decides who sees what it names. */
export function newId(kind: 'r' | 'g' | 'p'): string {
  let text = `${kind}-`;
  for (let at = 0; at < 10; at++) text += LETTERS.charAt(randomInt(LETTERS.length));
  return text;
}

export const ID = /^[rgp]-[a-z2-7]{10}$/;
