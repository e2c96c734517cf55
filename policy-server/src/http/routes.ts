import { ok } from '@belay/core/result';
import * as z from 'zod';
import type { WebPlace } from '../config/web-place.ts';
import type { ServerContext } from '../context.ts';
import { createAccountService } from '../features/accounts/account-service.ts';
import { createOidc } from '../features/accounts/oidc.ts';
import { createOwnFactors } from '../features/accounts/own-factors.ts';
import { createOwnSessions } from '../features/accounts/own-sessions.ts';
import { createPasskeys } from '../features/accounts/passkeys.ts';
import { createPersonService } from '../features/accounts/person-service.ts';
import { createSignIn } from '../features/accounts/sign-in.ts';
import { createTokenService } from '../features/accounts/tokens.ts';
import { createDeviceService } from '../features/devices/service.ts';
import { createEventQuery } from '../features/event-query/service.ts';
import { webhookSender } from '../features/notices/start.ts';
import { createWebhookService } from '../features/notices/webhooks.ts';
import { createCaseRuns } from '../features/policies/case-runs.ts';
import { createPolicyQuestions } from '../features/policies/questions.ts';
import { createPolicyService } from '../features/policies/service.ts';
import { createGrantService } from '../features/requests/grant-service.ts';
import { ACCESS, type RouteName } from './access.ts';
import { caseRunRoutes } from './case-run-routes.ts';
import { deviceRoutes, enrollTokenRoutes } from './device-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { liveRoutes } from './live-routes.ts';
import { factorRoutes } from './factor-routes.ts';
import { oidcRoutes } from './oidc-routes.ts';
import { accountRoutes, permissionRoutes, personRoutes } from './people-routes.ts';
import { grantRoutes } from './grant-routes.ts';
import { openApiDocument } from './openapi.ts';
import { policyQuestionRoutes } from './policy-question-routes.ts';
import { policyRoutes } from './policy-routes.ts';
import { requestRoutes } from './request-routes.ts';
import { type Route, route } from './route.ts';
import { sessionRoutes } from './session-routes.ts';
import { statusRoutes } from './status-routes.ts';
import { tokenRoutes } from './token-routes.ts';
import { webhookRoutes } from './webhook-routes.ts';

/** Every route of the API, each exactly once. */
export function allRoutes(context: ServerContext, web: () => WebPlace): readonly Route[] {
  const devices = createDeviceService(context);
  const signIn = createSignIn(context);
  const session = { ...context, signIn, own: createOwnSessions(context) };
  const routes = [
    ...tokenRoutes({ tokens: createTokenService(context), signIn }), ...sessionRoutes(session), ...factorRoutes({ ...session, factors: createOwnFactors({ ...context, web }), passkeys: createPasskeys({ ...context, web }) }),
    ...oidcRoutes({ ...session, oidc: createOidc({ ...context, web }), web }),
    ...personRoutes(createPersonService(context)), ...accountRoutes(createAccountService(context)), ...permissionRoutes(),
    ...enrollTokenRoutes(devices), ...deviceRoutes(devices),
    ...policyRoutes(createPolicyService(context), context.config.limits.messageBytes), ...policyQuestionRoutes(createPolicyQuestions(context)), ...caseRunRoutes(createCaseRuns(context)),
    ...eventRoutes({ ...context, devices, events: createEventQuery(context) }), ...requestRoutes(context), ...grantRoutes(createGrantService(context)), ...statusRoutes(context),
    ...liveRoutes(context), ...webhookRoutes(createWebhookService({ ...context, rules: context.config.webhooks, sender: webhookSender(context) })),
  ];
  routes.push(openApiRoute(routes, context.version));
  const missing = (Object.keys(ACCESS) as RouteName[]).filter((name) => routes.filter((each) => each.name === name).length !== 1);
  if (missing.length > 0) throw new Error(`not served exactly once: ${missing.join(', ')}`);
  return routes;
}

/** Describes itself, too. */
function openApiRoute(others: readonly Route[], version: string): Route {
  let document: unknown;
  const own: Route = route('GET /api/v1/openapi.json', { response: z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) }) }, async () => {
    document ??= openApiDocument([...others.filter((each) => each !== own), own], version);
    return ok(document);
  });
  return own;
}
