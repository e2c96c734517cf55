import * as z from 'zod';
import type { OwnFactors } from '../features/accounts/own-factors.ts';
import type { Passkeys } from '../features/accounts/passkeys.ts';
import { type Route, route, text } from './route.ts';
import { enter, type SessionRouteDeps, sessionShape } from './session-routes.ts';

const challenge = text(64);
/** What navigator.credentials answers, as PublicKeyCredential.toJSON makes it. */
const response = z.looseObject({ id: text(1400), rawId: text(1400), type: z.literal('public-key'), response: z.record(z.string(), z.unknown()), clientExtensionResults: z.record(z.string(), z.unknown()).default({}) });
/** For PublicKeyCredential.parseCreationOptionsFromJSON and parseRequestOptionsFromJSON. */
const asked = z.strictObject({ challenge: z.string(), options: z.looseObject({ challenge: z.string() }) });
export const factors = z.strictObject({
  password: z.boolean(), totp: z.boolean(), recoveryCodes: z.int(),
  passkeys: z.array(z.strictObject({ id: z.string(), name: z.string(), createdAt: z.int(), lastUsedAt: z.int().nullable() })),
});

export type FactorRouteDeps = SessionRouteDeps & { readonly factors: OwnFactors; readonly passkeys: Passkeys };

/** How somebody signs in beside a password, and how they change it. */
export function factorRoutes(deps: FactorRouteDeps): readonly Route[] {
  const { factors: own, passkeys } = deps;
  return [
    route('POST /api/v1/session/passkey/options', { body: z.strictObject({ challenge: challenge.optional() }), response: asked }, ({ body }) => passkeys.options(body.challenge)),
    route('POST /api/v1/session/passkey/finish', { body: z.strictObject({ challenge, response }), response: sessionShape }, async (call) => {
      const opened = await passkeys.finish(call.body, call.origin);
      return opened.ok ? enter(deps, call, opened.value) : opened;
    }),
    route('GET /api/v1/me/factors', { response: factors }, ({ principal }) => own.view(principal)),
    route('POST /api/v1/me/password', { body: z.strictObject({ current: z.string().max(1024), next: z.string().max(1024) }), response: factors }, ({ body, principal, origin }) => own.setPassword(principal, body, origin)),
    route('POST /api/v1/me/totp/start', { response: z.strictObject({ challenge: z.string(), secret: z.string(), uri: z.string().describe('For a QR code') }) }, ({ principal }) => own.startTotp(principal)),
    route('POST /api/v1/me/totp/confirm', { body: z.strictObject({ challenge, code: text(16) }), response: z.strictObject({ recoveryCodes: z.array(z.string()) }) }, ({ body, principal }) => own.confirmTotp(principal, body)),
    route('POST /api/v1/me/totp/remove', { response: factors }, ({ principal }) => own.removeTotp(principal)),
    route('POST /api/v1/me/passkeys/options', { response: asked }, ({ principal }) => passkeys.addOptions(principal)),
    route('POST /api/v1/me/passkeys/add', { body: z.strictObject({ challenge, name: text(64), response }), response: z.strictObject({ id: z.string(), name: z.string() }) },
      ({ body, principal }) => passkeys.add(principal, body)),
    route('DELETE /api/v1/me/passkeys/:id', { params: z.strictObject({ id: text(1400) }), response: z.strictObject({ removed: z.string() }) }, ({ params, principal }) => passkeys.remove(principal, params.id)),
  ];
}
