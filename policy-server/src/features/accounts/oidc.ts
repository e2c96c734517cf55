import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import * as openid from 'openid-client';
import type { OidcProvider } from '../../config/oidc.ts';
import type { WebPlace } from '../../config/web-place.ts';
import type { ServerContext } from '../../context.ts';
import { noteFailure, type Origin, wrongFactor } from './attempts.ts';
import { openChallenge, takeChallenge } from './challenges.ts';
import { accountFromDirectory, type Claims, entryOf } from './directory.ts';
import { type SignedIn, type SignInDeps, writeSession } from './sign-in.ts';

/** `binding` is a secret for the browser that begins: only there the sign-in can end. */
export type OidcStarted = { readonly address: string; readonly binding: string };
export type OidcDone = SignedIn & { readonly returnTo: string };

/** OpenID Connect 1.0: authorization code with PKCE (RFC 7636), nonce and state, by openid-client. */
export interface Oidc {
  readonly providers: readonly { readonly id: string; readonly label: string }[];
  /** BELAY_E_NOT_PERMITTED: no such provider. BELAY_E_BUSY: it cannot be reached. */
  start(id: string | undefined, returnTo: string): Promise<Result<OidcStarted, Failure>>;
  /** `query`: as the provider sent the browser back with it. */
  finish(id: string, query: string, binding: string | undefined, origin: Origin): Promise<Result<OidcDone, Failure>>;
}

export type OidcDeps = SignInDeps & Pick<ServerContext, 'log'> & { readonly web: () => WebPlace };

type Begun = { readonly provider: string; readonly verifier: string; readonly nonce: string; readonly returnTo: string; readonly binding: string };
type Reached = { readonly client: openid.Configuration; readonly at: number };

const KEPT_MS = 60 * 60_000;
const TIMEOUT_S = 10;

export const CALLBACK = '/api/v1/session/oidc/callback';

/** Reads every client secret, so that a missing one stops the start. */
export function createOidc(deps: OidcDeps): Oidc {
  const { config, clock, log, web } = deps;
  const secrets = new Map(config.oidc.map((provider) => [provider.id, secretOf(config.data, provider)]));
  const reached = new Map<string, Reached>();

  async function clientOf(provider: OidcProvider): Promise<openid.Configuration | undefined> {
    const known = reached.get(provider.id);
    if (known !== undefined && clock() - known.at < KEPT_MS) return known.client;
    try {
      const client = await discover(provider, secrets.get(provider.id));
      reached.set(provider.id, { client, at: clock() });
      return client;
    } catch (error) {
      log.warn({ err: error, provider: provider.id }, 'a provider of single sign-on cannot be reached');
      return known?.client;
    }
  }
  const redirectOf = ({ id }: OidcProvider): string => `${web().origin}${CALLBACK}/${id}`;

  return {
    providers: config.oidc.map(({ id, label }) => ({ id, label })),
    async start(id, returnTo) {
      const provider = config.oidc.find((each) => each.id === id) ?? (id === undefined && config.oidc.length === 1 ? config.oidc[0] : undefined);
      if (provider === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
      const client = await clientOf(provider);
      if (client === undefined) return err(failure('BELAY_E_BUSY', 'The provider of single sign-on cannot be reached.'));
      const [verifier, nonce, binding] = [openid.randomPKCECodeVerifier(), openid.randomNonce(), randomBytes(24).toString('base64url')];
      const state = await openChallenge(deps, 'oidc', null, { provider: provider.id, verifier, nonce, returnTo, binding: hashOf(binding) } satisfies Begun);
      if (!state.ok) return state;
      const address = openid.buildAuthorizationUrl(client, {
        redirect_uri: redirectOf(provider), scope: provider.scopes.join(' '), state: state.value, nonce,
        code_challenge: await openid.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
      });
      return ok({ address: address.href, binding });
    },
    finish: (id, query, binding, origin) => finish(deps, { clientOf, redirectOf }, { id, query, binding, origin }),
  };
}

type Clients = { readonly clientOf: (provider: OidcProvider) => Promise<openid.Configuration | undefined>; readonly redirectOf: (provider: OidcProvider) => string };
type Returned = { readonly id: string; readonly query: string; readonly binding: string | undefined; readonly origin: Origin };

async function finish(deps: OidcDeps, { clientOf, redirectOf }: Clients, { id, query, binding, origin }: Returned): Promise<Result<OidcDone, Failure>> {
  const { config, log } = deps;
  const state = new URLSearchParams(query).get('state') ?? '';
  const begun = await takeChallenge<Begun>(deps, 'oidc', state);
  const provider = config.oidc.find((each) => each.id === id);
  // SECURITY(T-57): ended where it began: in the same browser, and at the address of the provider that was asked (RFC 9700, 4.4).
  const isOurs = begun !== undefined && provider !== undefined && begun.data.provider === id && binding !== undefined && hashOf(binding) === begun.data.binding;
  const client = isOurs ? await clientOf(provider) : undefined;
  const claims = client === undefined || !isOurs ? undefined
    : await redeem(client, new URL(`${redirectOf(provider)}?${query}`), { verifier: begun.data.verifier, nonce: begun.data.nonce, state }).catch((error: unknown) => {
      log.warn({ err: error, provider: id }, 'a single sign-on was not completed');
      return undefined;
    });
  const signedIn = claims === undefined || provider === undefined ? undefined : await enter(deps, provider, claims, origin);
  if (signedIn !== undefined && begun !== undefined) return ok({ ...signedIn, returnTo: begun.data.returnTo });
  await noteFailure(deps, { name: '', how: `oidc:${id.slice(0, 32)}`, origin });
  return wrongFactor();
}

function secretOf(folder: string, { id, clientSecretFile }: OidcProvider): string | undefined {
  if (clientSecretFile === undefined) return undefined;
  const secret = readFileSync(resolve(folder, clientSecretFile), 'utf8').split(/\r?\n/, 1)[0] ?? '';
  if (secret === '') throw new Error(`the client secret of ${id} is empty: ${clientSecretFile}`);
  return secret;
}

function discover({ issuer, clientId }: OidcProvider, secret: string | undefined): Promise<openid.Configuration> {
  const isLocal = issuer.startsWith('http:');
  return openid.discovery(new URL(issuer), clientId, secret, secret === undefined ? openid.None() : openid.ClientSecretBasic(secret), {
    timeout: TIMEOUT_S, execute: isLocal ? [openid.allowInsecureRequests] : [],
  });
}

type Checks = { readonly verifier: string; readonly nonce: string; readonly state: string };

/** The provider's word on who it is: the ID token's claims, and what only the user info says. Throws at whatever does not hold. */
async function redeem(client: openid.Configuration, address: URL, { verifier, nonce, state }: Checks): Promise<Claims> {
  const tokens = await openid.authorizationCodeGrant(client, address, { pkceCodeVerifier: verifier, expectedNonce: nonce, expectedState: state, idTokenExpected: true });
  const claims = tokens.claims();
  if (claims === undefined) throw new Error('there is no ID token');
  if (client.serverMetadata().userinfo_endpoint === undefined) return claims;
  return { ...(await openid.fetchUserInfo(client, tokens.access_token, claims.sub)), ...claims };
}

/** Undefined: nobody who may come in. What the claims say of roles, groups and person is in force with the session, or not at all. */
async function enter(deps: OidcDeps, provider: OidcProvider, claims: Claims, origin: Origin): Promise<SignedIn | undefined> {
  const entry = entryOf(provider, provider.issuer, claims);
  if (entry === undefined) return undefined;
  return deps.serverEvents.transact(async (tx, record) => {
    const account = await accountFromDirectory({ tx, record, by: `oidc:${provider.id}` }, provider, entry, deps.clock());
    if (account === undefined || account.disabled !== 0) return undefined;
    return writeSession(tx, record, deps, { account, transport: 'cookie', how: `oidc:${provider.id}`, origin });
  });
}

function hashOf(binding: string): string {
  return createHash('sha256').update(`belay/oidc/v1:${binding}`).digest('base64url');
}
