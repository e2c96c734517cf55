import type { ServerContext } from '../context.ts';
import { createSignIn } from '../features/accounts/sign-in.ts';
import { createTokenService } from '../features/accounts/tokens.ts';
import { createDeviceService } from '../features/devices/service.ts';
import { createEventQuery } from '../features/event-query/service.ts';
import { webhookSender } from '../features/notices/start.ts';
import { createWebhookService } from '../features/notices/webhooks.ts';
import { createCaseRuns } from '../features/policies/case-runs.ts';
import { createPolicyQuestions } from '../features/policies/questions.ts';
import { createPolicyService } from '../features/policies/service.ts';
import { ACCESS, type RouteName } from './access.ts';
import { caseRunRoutes } from './case-run-routes.ts';
import { deviceRoutes, enrollTokenRoutes } from './device-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { liveRoutes } from './live-routes.ts';
import { policyQuestionRoutes } from './policy-question-routes.ts';
import { policyRoutes } from './policy-routes.ts';
import type { Route } from './route.ts';
import { statusRoutes } from './status-routes.ts';
import { tokenRoutes } from './token-routes.ts';
import { webhookRoutes } from './webhook-routes.ts';

/** Every route of the API, each exactly once. */
export function allRoutes(context: ServerContext): readonly Route[] {
  const devices = createDeviceService(context);
  const routes = [
    ...tokenRoutes({ tokens: createTokenService(context), signIn: createSignIn(context) }), ...enrollTokenRoutes(devices), ...deviceRoutes(devices),
    ...policyRoutes(createPolicyService(context), context.config.limits.messageBytes), ...policyQuestionRoutes(createPolicyQuestions(context)), ...caseRunRoutes(createCaseRuns(context)),
    ...eventRoutes({ ...context, devices, events: createEventQuery(context) }), ...statusRoutes(context),
    ...liveRoutes(context), ...webhookRoutes(createWebhookService({ ...context, rules: context.config.webhooks, sender: webhookSender(context) })),
  ];
  const missing = (Object.keys(ACCESS) as RouteName[]).filter((name) => routes.filter((each) => each.name === name).length !== 1);
  if (missing.length > 0) throw new Error(`not served exactly once: ${missing.join(', ')}`);
  return routes;
}
