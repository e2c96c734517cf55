/** Second factors for tests: an authenticator app, and keys in software. */
import { codeAt, stepAt } from '../../policy-server/src/features/accounts/totp.ts';
import { type Assertion, createAuthenticator, type TestAuthenticator } from './authenticator.ts';
import type { TestBrowser } from './browser.ts';

export type TestApp = { readonly code: (nowMs: number) => string; readonly recoveryCodes: readonly string[]; readonly secret: Uint8Array };

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

export function fromBase32(text: string): Uint8Array {
  const bits = text.split('').map((letter) => ALPHABET.indexOf(letter).toString(2).padStart(5, '0')).join('');
  return Uint8Array.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

/** Sets up codes for whoever is signed in. */
export async function setUpCodes(browser: TestBrowser, nowMs: number): Promise<TestApp> {
  const { challenge, secret } = (await browser.ask('POST', '/api/v1/me/totp/start', { body: {} })).body as { challenge: string; secret: string };
  const key = fromBase32(secret);
  const code = (at: number): string => codeAt(key, stepAt(at));
  const confirmed = await browser.ask('POST', '/api/v1/me/totp/confirm', { body: { challenge, code: code(nowMs) } });
  if (confirmed.status !== 200) throw new Error(confirmed.text);
  return { code, secret: key, recoveryCodes: confirmed.body['recoveryCodes'] as string[] };
}

type Options = { readonly challenge: string; readonly options: { readonly challenge: string } };

export async function addPasskey(browser: TestBrowser, origin: string, name = 'key'): Promise<TestAuthenticator> {
  const authenticator = createAuthenticator(origin);
  const { challenge, options } = (await browser.ask('POST', '/api/v1/me/passkeys/options', { body: {} })).body as unknown as Options;
  const added = await browser.ask('POST', '/api/v1/me/passkeys/add', { body: { challenge, name, response: authenticator.create(options) } });
  if (added.status !== 200) throw new Error(added.text);
  return authenticator;
}

/** `waiting`: the challenge of a password that was right. */
export async function passkeyAnswer(browser: TestBrowser, answer: (options: { readonly challenge: string }) => Assertion, waiting?: string) {
  const { challenge, options } = (await browser.ask('POST', '/api/v1/session/passkey/options', { body: waiting === undefined ? {} : { challenge: waiting } })).body as unknown as Options;
  const body = { challenge, response: answer(options) };
  return { body, answer: await browser.ask('POST', '/api/v1/session/passkey/finish', { body }) };
}
