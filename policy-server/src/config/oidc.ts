import * as z from 'zod';
import { ROLES } from '../features/accounts/permissions.ts';

const claim = z.string().min(1).max(128);
const groupName = z.string().min(1).max(256);

/** HTTPS, or a provider on this very machine. */
function isIssuer(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && url.username === '' && (url.protocol === 'https:' || (url.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname)));
}

/** One provider of single sign-on. docs/operations.md explains each key; a test holds the two together. */
export const oidcProvider = z.strictObject({
  id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'expected small letters, digits and -'),
  label: z.string().min(1).max(64),
  issuer: z.string().max(512).refine(isIssuer, 'expected an address that begins with https://'),
  clientId: z.string().min(1).max(256),
  /** First line; relative to the data folder. Left out: a public client. */
  clientSecretFile: z.string().min(1).max(1024).optional(),
  scopes: z.array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/)).max(30).default(['openid', 'profile', 'email']),
  /** Which claim says what. */
  claims: z
    .strictObject({
      account: claim.default('preferred_username'),
      name: claim.default('name'),
      email: claim.default('email'),
      groups: claim.default('groups'),
      /** The user's name on devices, on every one of them; left out: nobody is linked by claims. */
      deviceUser: claim.optional(),
    })
    .prefault({}),
  /** Whether whoever the provider lets in gets an account; without a role it shows nothing. */
  createAccounts: z.boolean().default(true),
  roles: z.array(z.strictObject({ group: groupName, role: z.enum(ROLES), devices: z.union([z.literal('all'), z.array(z.string().min(1).max(128)).min(1).max(100)]).default('all') })).max(500).default([]),
});
export type OidcProvider = z.output<typeof oidcProvider>;

export const oidcProviders = z.array(oidcProvider).max(20)
  .refine((providers) => new Set(providers.map(({ id }) => id)).size === providers.length, 'two providers have one id').default([]);
