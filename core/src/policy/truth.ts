/** In words. */
export type Truth = 'true' | 'false' | 'unknown';

/**
 * Three-valued logic (Kleene): a criterion is true, false or unknown. Ordered, so that "and" is the minimum, "or" the
 * maximum. Numbers, because a decision combines many of them.
 */
export const FALSE = 0;
export const UNKNOWN = 1;
export const TRUE = 2;
export type Truth3 = typeof FALSE | typeof UNKNOWN | typeof TRUE;

export function truthOf(value: boolean): Truth3 {
  return value ? TRUE : FALSE;
}

export function and(a: Truth3, b: Truth3): Truth3 {
  return a < b ? a : b;
}

export function or(a: Truth3, b: Truth3): Truth3 {
  return a > b ? a : b;
}

export function not(a: Truth3): Truth3 {
  return (TRUE - a) as Truth3;
}

const NAMES: Readonly<Record<Truth3, Truth>> = { [FALSE]: 'false', [UNKNOWN]: 'unknown', [TRUE]: 'true' };

export function truthName(a: Truth3): Truth {
  return NAMES[a];
}
