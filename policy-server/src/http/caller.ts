import type { FastifyRequest } from 'fastify';
import { type AuthenticateDeps, authenticate, type Credential, type Principal } from '../features/accounts/principal.ts';

/** Who calls, told by what the request carries. */
export type Caller = { readonly principalOf: (request: FastifyRequest) => Promise<Principal | undefined> };

export function createCaller(deps: AuthenticateDeps): Caller {
  return {
    async principalOf(request) {
      const credential = credentialOf(request);
      return credential === undefined ? undefined : authenticate(deps, credential);
    },
  };
}

function credentialOf({ headers }: FastifyRequest): Credential | undefined {
  const secret = /^Bearer ([\x21-\x7e]{1,200})$/i.exec(headers.authorization ?? '')?.[1];
  return secret === undefined ? undefined : { transport: 'bearer', secret };
}
