import { requestSchema, whoCanSchema } from '@belay/core/policy-tools';
import { z } from 'zod';
import type { PolicyQuestions } from '../features/policies/questions.ts';
import { counter, type Route, route, text } from './route.ts';

const scope = { version: counter.optional(), device: text(256).optional() };
const explainBody = z.strictObject({ ...scope, ...requestSchema.shape, all: z.boolean().optional() });
const whoCanBody = z.strictObject({ ...scope, ...whoCanSchema.shape });

/** Questions that change nothing: POST, because they do not fit into an address, and name people and commands that no log of addresses needs. */
export function policyQuestionRoutes(questions: PolicyQuestions): readonly Route[] {
  return [
    route('POST /api/v1/policies/explain', { body: explainBody }, ({ body }) => questions.explain(body)),
    route('POST /api/v1/policies/who-can', { body: whoCanBody }, ({ body }) => questions.whoCan(body)),
  ];
}
