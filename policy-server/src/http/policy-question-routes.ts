import { requestSchema, whoCanSchema } from '@belay/core/policy-tools';
import * as z from 'zod';
import { scopeOf } from '../features/accounts/permissions.ts';
import type { PolicyQuestions } from '../features/policies/questions.ts';
import { counter, type Route, route, text } from './route.ts';

const scope = { version: counter.optional(), device: text(256).optional() };
const explainBody = z.strictObject({ ...scope, ...requestSchema.shape, all: z.boolean().optional() });
const whoCanBody = z.strictObject({ ...scope, ...whoCanSchema.shape });

const scoped = { version: z.int(), device: z.strictObject({ id: z.string(), name: z.string(), groups: z.array(z.string()), labels: z.record(z.string(), z.string()) }).nullable() };
const explained = z.looseObject({ ...scoped, at: z.string(), rules: z.array(z.unknown()), omitted: z.int(), elsewhere: z.array(z.string()) });
const whoCan = z.looseObject({ ...scoped, entitlements: z.array(z.unknown()), takenAway: z.array(z.unknown()), monitored: z.array(z.string()), isCut: z.boolean() });

/** Questions that change nothing: POST, because they do not fit into an address, and name people and commands that no log of addresses needs. */
export function policyQuestionRoutes(questions: PolicyQuestions): readonly Route[] {
  return [
    route('POST /api/v1/policies/explain', { body: explainBody, response: explained }, ({ body, principal }) => questions.explain(body, scopeOf(principal.bindings, 'devices.read'))),
    route('POST /api/v1/policies/who-can', { body: whoCanBody, response: whoCan }, ({ body, principal }) => questions.whoCan(body, scopeOf(principal.bindings, 'devices.read'))),
  ];
}
