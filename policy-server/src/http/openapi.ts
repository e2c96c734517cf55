import { ERROR_CODES } from '@belay/core/codes';
import * as z from 'zod';
import { ACCESS } from './access.ts';
import { STATUS_OF } from './problem.ts';
import type { Route } from './route.ts';

type Schema = Record<string, unknown>;
export type OpenApiDocument = { readonly openapi: '3.1.0'; readonly info: Schema; readonly paths: Readonly<Record<string, Schema>>; readonly components: Schema } & Schema;

const PROBLEM = { $ref: '#/components/schemas/Problem' };
const MUTATION = { $ref: '#/components/parameters/IdempotencyKey' };

const about = `Times are Unix milliseconds. A list takes \`limit\` and \`cursor\`, and answers \`next\`, the cursor of its next page. What is not allowed answers like what does not exist. A browser's
session is a cookie, and whatever is not a GET carries \`x-belay-csrf\` as well; programs send a bearer token. With \`Idempotency-Key\` an act is done once, however often it is sent within a day.`;

/** OpenAPI 3.1, from the very shapes that requests are checked by and that tests hold answers to. */
export function openApiDocument(routes: readonly Route[], version: string): OpenApiDocument {
  const paths: Record<string, Schema> = {};
  for (const route of routes.toSorted((a, b) => (a.name.slice(a.name.indexOf(' ')) < b.name.slice(b.name.indexOf(' ')) ? -1 : 1))) {
    const [method, path] = route.name.split(' ') as [string, string];
    const address = path.replace(/:([a-zA-Z]+)/g, '{$1}');
    paths[address] = { ...paths[address], [method.toLowerCase()]: operationOf(route, method, path) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Belay', version, description: about, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: 'https://{server}', variables: { server: { default: 'belay.example.org:7445' } } }],
    security: [{ bearer: [] }, { cookie: [], csrf: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'From POST /api/v1/login or POST /api/v1/tokens' },
        cookie: { type: 'apiKey', in: 'cookie', name: '__Host-belay' },
        csrf: { type: 'apiKey', in: 'header', name: 'x-belay-csrf', description: 'From GET /api/v1/session; not needed for GET' },
      },
      parameters: { IdempotencyKey: { name: 'Idempotency-Key', in: 'header', required: false, schema: { type: 'string', maxLength: 128 }, description: 'The same key and content are answered as the first time, for 24 hours' } },
      schemas: { Problem: problemSchema() },
    },
  };
}

function problemSchema(): Schema {
  const text = { type: 'string' };
  return {
    type: 'object', description: 'RFC 9457', required: ['type', 'title', 'status', 'detail', 'code', 'request'],
    properties: {
      type: text, title: text, status: { type: 'integer', enum: [...new Set(Object.values(STATUS_OF))].toSorted((a, b) => a - b) }, detail: text,
      code: { type: 'string', enum: Object.keys(ERROR_CODES) }, request: text, problems: { type: 'array', items: {} },
    },
  };
}

function operationOf({ name, shapes }: Route, method: string, path: string): Schema {
  const access = ACCESS[name];
  const parameters = [...parametersOf('path', shapes.params), ...parametersOf('query', shapes.query)];
  const isMutation = method !== 'GET' && access !== 'anyone';
  const content = shapes.streams === undefined ? { 'application/json': { schema: shapes.response === undefined ? {} : schemaOf(shapes.response, 'output') } } : { [shapes.streams]: { schema: { type: 'string' } } };
  return {
    operationId: operationIdOf(method, path),
    tags: [path.split('/').filter((part) => !['', 'api', 'v1'].includes(part))[0] ?? ''],
    ...(access === 'anyone' ? { security: [] } : { 'x-permission': access }),
    ...(parameters.length === 0 && !isMutation ? {} : { parameters: [...parameters, ...(isMutation ? [MUTATION] : [])] }),
    ...(shapes.body === undefined ? {} : { requestBody: { required: true, content: { 'application/json': { schema: schemaOf(shapes.body, 'input') } } } }),
    responses: { 200: { description: 'Done', content }, default: { description: 'Refused', content: { 'application/problem+json': { schema: PROBLEM } } } },
  };
}

/** `GET /api/v1/devices/:device` → get_devices_device. */
function operationIdOf(method: string, path: string): string {
  return `${method.toLowerCase()}_${path.replace('/api/v1/', '').replaceAll(/[^a-zA-Z0-9]+/g, '_').replaceAll(/^_|_$/g, '')}`;
}

function parametersOf(place: 'path' | 'query', shape: z.ZodType | undefined): readonly Schema[] {
  if (shape === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(shape, 'input') as { properties?: Record<string, Schema>; required?: readonly string[] };
  return Object.entries(properties).map(([name, schema]) => ({ name, in: place, required: place === 'path' || required.includes(name), schema }));
}

function schemaOf(shape: z.ZodType, io: 'input' | 'output'): Schema {
  const { $schema: _dialect, ...schema } = z.toJSONSchema(shape, {
    io, unrepresentable: 'any',
    // Numbers in an address come as text, and are numbers all the same to whoever writes one.
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod as { def: { type: string; coerce?: boolean } };
      if (def.type === 'number' && def.coerce === true) Object.assign(jsonSchema, { type: 'integer' });
    },
  });
  return schema;
}
