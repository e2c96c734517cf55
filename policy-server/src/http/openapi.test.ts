import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { z } from 'zod';
import { startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { openApiText } from '../../../tools/generate-openapi.mjs';
import type * as consoles from '../../console/src/api/types.ts';
import { ACCESS, type RouteName } from './access.ts';
import type { deviceShape, enrollToken } from './device-routes.ts';
import type { eventShape, proofShape } from './event-routes.ts';
import type { factors } from './factor-routes.ts';
import type { offered } from './oidc-routes.ts';
import type { accountShape, personShape, withPassword } from './people-routes.ts';
import type { change, listed, versionShape } from './policy-routes.ts';
import type { grantShape, proposalShape, requestDetail, requestSummary } from './request-shapes.ts';
import type { ownSession, sessionShape } from './session-routes.ts';

/** A cookie's session has both; a service token's has none. */
type Loosely<T, K extends keyof T> = Omit<T, K> & { readonly [P in K]: T[P] | null };
/** What an event says is the catalogue's. */
type Opaque<T> = Omit<T, 'fields'> & { readonly fields: Readonly<Record<string, unknown>> };
type Reads<Read, Answer extends z.ZodType<Read>> = z.output<Answer>;
/** The console has its own words for what it reads, as everybody has who speaks HTTP: the compiler holds them against what the routes answer. */
export type ConsoleReads = readonly [
  Reads<Loosely<consoles.Session, 'account' | 'csrf'>, typeof sessionShape>, Reads<consoles.OwnSession, typeof ownSession>, Reads<consoles.SignInWays, typeof offered>, Reads<consoles.Factors, typeof factors>,
  Reads<consoles.RequestSummary, typeof requestSummary>, Reads<consoles.RequestDetail, typeof requestDetail>, Reads<consoles.Grant, typeof grantShape>, Reads<consoles.Proposal, typeof proposalShape>,
  Reads<consoles.Device, typeof deviceShape>, Reads<consoles.EnrollToken, typeof enrollToken>, Reads<Opaque<consoles.EventView>, typeof eventShape>, Reads<Omit<consoles.EventProof, 'event'>, typeof proofShape>,
  Reads<consoles.PolicySummary, (typeof listed)['shape']['policies']['element']>, Reads<consoles.PolicyVersion, typeof versionShape>, Reads<consoles.PolicyChange, typeof change>,
  Reads<consoles.Person, typeof personShape>, Reads<consoles.Account, typeof accountShape>, Reads<consoles.WithPassword, typeof withPassword>,
];

type Operation = { readonly operationId: string; readonly parameters?: readonly { readonly name?: string; readonly in?: string; readonly $ref?: string }[]; readonly requestBody?: unknown; readonly responses: Record<string, { readonly content: Record<string, { readonly schema: unknown }> }> };
type Document = { readonly openapi: string; readonly paths: Record<string, Record<string, Operation>>; readonly components: Record<string, Record<string, unknown>> };

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
  await api.account('vera', 'viewer');
});
afterAll(() => api.close());

test('the server describes every route of its own, to whoever is signed in, and the document in docs is the same', async () => {
  const path = '/api/v1/openapi.json';
  expect((await api.ask('GET', path)).status).toBe(401);
  const document = (await api.ask('GET', path, { token: await api.signIn('vera') })).body as unknown as Document;
  expect(document).toEqual(JSON.parse(readFileSync(new URL('../../../docs/openapi.json', import.meta.url), 'utf8')));
  expect(`${JSON.stringify(document, null, 1)}\n`).toBe(openApiText());
  const described = Object.entries(document.paths).flatMap(([address, operations]) => Object.keys(operations).map((method) => `${method.toUpperCase()} ${address.replace(/\{([a-zA-Z]+)\}/g, ':$1')}`));
  expect(described.toSorted()).toEqual(Object.keys(ACCESS).toSorted());
});

test('each says what it takes and what it answers; references lead somewhere', () => {
  const document = JSON.parse(openApiText()) as Document;
  const operations = Object.entries(document.paths).flatMap(([address, each]) => Object.values(each).map((operation) => ({ address, operation })));
  expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
  for (const { address, operation } of operations) {
    const named = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path').map(({ name }) => `{${name}}`);
    expect([address, named.toSorted()]).toEqual([address, (address.match(/\{[^}]+\}/g) ?? []).toSorted()]);
    const [content] = Object.values(operation.responses['200']?.content ?? {});
    expect([address, Object.keys(content?.schema ?? {}).length > 0]).toEqual([address, true]);
  }
  for (const [, place, name] of openApiText().matchAll(/"\$ref": "#\/components\/(\w+)\/(\w+)"/g)) expect(document.components[place as string]?.[name as string]).toBeDefined();
});

test('every route says what it answers, and every body is closed to what it does not name', async () => {
  const silent = (Object.keys(ACCESS) as RouteName[]).filter((name) => {
    const [method, path] = name.split(' ') as [string, string];
    const { paths } = JSON.parse(openApiText()) as Document;
    const operation = paths[path.replace(/:([a-zA-Z]+)/g, '{$1}')]?.[method.toLowerCase()];
    return operation === undefined || JSON.stringify(operation.responses['200']).includes('"schema":{}');
  });
  expect(silent).toEqual([]);
});
