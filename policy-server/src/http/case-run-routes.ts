import * as z from 'zod';
import type { CaseRuns } from '../features/policies/case-runs.ts';
import { counter, type Route, route, text } from './route.ts';

const MAX_FILES = 1000;
const BODY_BYTES = 2 * 1024 * 1024;

const runBody = z.strictObject({
  files: z.array(z.strictObject({ name: text(512).regex(/^[^\p{Cc}]*$/u, 'must not hold control characters'), text: z.string().max(BODY_BYTES) })).min(1).max(MAX_FILES),
  version: counter.optional(),
});

const suite = z.strictObject({ name: z.string(), description: z.string(), file: z.string(), cases: z.array(z.looseObject({ name: z.string(), line: z.int(), passed: z.boolean() })) });
const report = z.strictObject({ version: z.int(), ok: z.boolean(), passed: z.int(), failed: z.int(), coverage: z.looseObject({ percent: z.number() }), suites: z.array(suite) });

/** POST because cases do not fit into an address; nothing is changed. */
export function caseRunRoutes(caseRuns: CaseRuns): readonly Route[] {
  return [route('POST /api/v1/policies/test', { body: runBody, bodyLimit: BODY_BYTES, response: report }, ({ body, signal }) => caseRuns.run(body, signal))];
}
