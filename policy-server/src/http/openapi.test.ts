import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { openApiText } from '../../../tools/generate-openapi.mjs';
import { ACCESS, type RouteName } from './access.ts';

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
