import { timingSafeEqual } from 'node:crypto';
import { type Failure, failure } from '@belay/core/codes';
import type { FastifyRequest } from 'fastify';
import type { Origin } from '../features/accounts/attempts.ts';
import { type AuthenticateDeps, authenticate, type Credential, csrfOf, type Principal } from '../features/accounts/principal.ts';
import { cookieOf } from './cookie.ts';

/** `csrf`: what this session's page must send along; null where no cookie is the credential. */
export type Identified = { readonly principal: Principal; readonly csrf: string | null };

/** Who calls, told by what the request carries. */
export type Caller = { readonly identify: (request: FastifyRequest, isUse?: boolean) => Promise<Identified | undefined> };

export function createCaller(deps: AuthenticateDeps): Caller {
  return {
    async identify(request, isUse = true) {
      const credential = credentialOf(request);
      const principal = credential === undefined ? undefined : await authenticate(deps, credential, isUse);
      if (principal === undefined || credential === undefined) return undefined;
      return { principal, csrf: credential.transport === 'cookie' ? csrfOf(credential.secret) : null };
    },
  };
}

function credentialOf({ headers }: FastifyRequest): Credential | undefined {
  if (headers.authorization !== undefined) {
    const secret = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(headers.authorization)?.[1];
    return secret === undefined ? undefined : { transport: 'bearer', secret };
  }
  // SECURITY(T-50): whatever another site's page asks for comes without the cookie; a browser says so itself.
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return undefined;
  const secret = cookieOf(headers.cookie);
  return secret === undefined ? undefined : { transport: 'cookie', secret };
}

/** Undefined: it may go on. A cookie alone changes nothing. */
export function csrfFault({ method, headers }: FastifyRequest, { csrf }: Identified): Failure | undefined {
  if (csrf === null || method === 'GET' || method === 'HEAD') return undefined;
  const given = headers['x-belay-csrf'];
  // SECURITY(T-50): another site can make a browser send the cookie, and cannot know this.
  const isRight = typeof given === 'string' && given.length === csrf.length && timingSafeEqual(Buffer.from(given, 'latin1'), Buffer.from(csrf, 'latin1'));
  return isRight ? undefined : failure('BELAY_E_CSRF');
}

const MAX_AGENT = 200;

export function originOf({ ip, headers }: FastifyRequest): Origin {
  const agent = (headers['user-agent'] ?? '').replaceAll(/[^\x20-\x7e]/g, '?').slice(0, MAX_AGENT);
  return { peer: ip, agent };
}
