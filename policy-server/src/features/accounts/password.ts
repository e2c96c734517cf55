import { argon2 as argon2Callback, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

const argon2 = promisify(argon2Callback);

/** OWASP's first choice for argon2id; memory in KiB. Written into each hash, so that raising them breaks none. */
const COST = { memory: 19_456, passes: 2, parallelism: 1 } as const;
const TAG_BYTES = 32;
const SALT_BYTES = 16;
export const MIN_PASSWORD = 12;
const MAX_PASSWORD = 1024;
/** Each takes 19 MiB while it runs: a flood of sign-ins waits instead of filling the memory. */
const AT_ONCE = 2;

let running = 0;
const waiting: (() => void)[] = [];

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  running++;
  try {
    return await work();
  } finally {
    running--;
    waiting.shift()?.();
  }
}

type Cost = { readonly memory: number; readonly passes: number; readonly parallelism: number };

function derive(password: string, salt: Buffer, cost: Cost): Promise<Buffer> {
  const message = Buffer.from(password.normalize('NFKC'));
  return inTurn(() => argon2('argon2id', { message, nonce: salt, tagLength: TAG_BYTES, ...cost }));
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '');
}

/** argon2id in the PHC string format. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const tag = await derive(password, salt, COST);
  return `$argon2id$v=19$m=${COST.memory},t=${COST.passes},p=${COST.parallelism}$${unpadded(salt)}$${unpadded(tag)}`;
}

const PHC = /^\$argon2id\$v=19\$m=([0-9]{1,7}),t=([0-9]{1,3}),p=([0-9]{1,2})\$([A-Za-z0-9+/]{16,64})\$([A-Za-z0-9+/]{43})$/;

/** Undefined: it will do. Length is what counts; a list of rules would only make people write it down. */
export function passwordFault(password: string, accountName: string): string | undefined {
  if (password.length < MIN_PASSWORD) return `A password has at least ${MIN_PASSWORD} characters.`;
  if (password.length > MAX_PASSWORD) return `A password has at most ${MAX_PASSWORD} characters.`;
  if (new Set(password).size < 4 || password.toLowerCase().includes(accountName.toLowerCase())) return 'This password is too easy to guess: a name, or the same few characters.';
  return undefined;
}

/** Whether a hash costs what one made now would: after a sign-in an older one is made anew. */
export function isOfToday(hash: string): boolean {
  const [, memory, passes, parallelism] = PHC.exec(hash) ?? [];
  return Number(memory) === COST.memory && Number(passes) === COST.passes && Number(parallelism) === COST.parallelism;
}

/** Takes as long whatever is wrong. With no hash (no such account) it works on a made-up one and answers no. */
export async function isPassword(password: string, hash: string | undefined): Promise<boolean> {
  const parts = hash === undefined ? null : PHC.exec(hash);
  const bounded = password.slice(0, MAX_PASSWORD);
  if (parts === null) {
    await derive(bounded, randomBytes(SALT_BYTES), COST);
    return false;
  }
  const [, memory, passes, parallelism, salt, tag] = parts as unknown as [string, string, string, string, string, string];
  const expected = Buffer.from(tag, 'base64');
  const found = await derive(bounded, Buffer.from(salt, 'base64'), { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) });
  return password.length <= MAX_PASSWORD && timingSafeEqual(found, expected);
}
