import { ok } from '@belay/core/result';
import * as z from 'zod';
import { scopeOf } from '../features/accounts/permissions.ts';
import { actorFor } from '../features/accounts/principal.ts';
import type { DeviceService } from '../features/devices/service.ts';
import { byName, byTime, next, paged, pageShape } from './pages.ts';
import { type Route, route, text } from './route.ts';

const id = z.strictObject({ id: text(64) });
const groups = z.array(text(128)).max(100);

export const enrollToken = z.strictObject({
  id: z.string(), createdAt: z.int(), createdBy: z.string(), expiresAt: z.int(), usesLeft: z.int(), usesTotal: z.int(), groups: z.array(z.string()), revokedAt: z.int().nullable(),
});

export function enrollTokenRoutes(devices: DeviceService): readonly Route[] {
  return [
    route('GET /api/v1/enroll-tokens', { query: z.strictObject(pageShape(byTime)), response: z.strictObject({ tokens: z.array(enrollToken), next }) }, async ({ query: { limit, cursor } }) => {
      const page = paged(await devices.listTokens({ limit: limit + 1, after: cursor }), limit, ({ createdAt, id: last }) => [createdAt, last]);
      return ok({ tokens: page.rows, next: page.next });
    }),
    route('POST /api/v1/enroll-tokens', { body: z.strictObject({ uses: z.int(), validForMs: z.int(), groups: groups.default([]) }), response: z.strictObject({ token: z.string(), info: enrollToken }) },
      ({ body, principal }) => devices.createToken(body, principal.name)),
    route('POST /api/v1/enroll-tokens/:id/revoke', { params: id, response: enrollToken }, ({ params, principal }) => devices.revokeToken(params.id, principal.name)),
  ];
}

const device = z.strictObject({ device: text(256) });
const deviceQuery = z.strictObject({
  group: text(128).optional(), state: z.enum(['active', 'revoked', 'decommissioned']).optional(), name: text(256).optional(),
  search: text(128).describe('Part of a name, host name or id').optional(), ...pageShape(byName),
});
const labels = z.strictObject({ labels: z.record(text(128), z.string().max(256).regex(/^[^\0]*$/).nullable()) });

export const deviceShape = z.strictObject({
  id: z.string(), name: z.string(), hostname: z.string(), state: z.enum(['active', 'revoked', 'decommissioned']), groups: z.array(z.string()), labels: z.record(z.string(), z.string()),
  enrolledAt: z.int(), certificateExpiresAt: z.int(), lastSeenAt: z.int().nullable(), silentSince: z.int().nullable(),
  manifest: z.strictObject({ epoch: z.int(), number: z.int(), issuedNumber: z.int() }), agentVersion: z.string(),
  inventory: z.record(z.string(), z.union([z.string(), z.number()])), problems: z.array(z.string()),
  evidence: z.strictObject({ state: z.enum(['none', 'good', 'gap', 'refused']), seq: z.int() }),
  owner: z.strictObject({ id: z.string(), name: z.string() }).nullable(),
});
const one = { params: device, response: deviceShape };

export function deviceRoutes(devices: DeviceService): readonly Route[] {
  return [
    route('GET /api/v1/devices', { query: deviceQuery, response: z.strictObject({ devices: z.array(deviceShape), next }) }, async ({ query: { limit, cursor, ...filter }, principal }) => {
      const page = paged(await devices.list(filter, scopeOf(principal.bindings, 'devices.read'), { limit: limit + 1, after: cursor }), limit, (last) => [last.name, last.id]);
      return ok({ devices: page.rows, next: page.next });
    }),
    route('GET /api/v1/devices/:device', one, ({ params, principal }) => devices.show(params.device, scopeOf(principal.bindings, 'devices.read'))),
    route('POST /api/v1/devices/:device/rename', { ...one, body: z.strictObject({ name: text(128) }) },
      ({ params, body, principal }) => devices.rename(params.device, body.name, actorFor(principal, 'devices.write'))),
    route('POST /api/v1/devices/:device/label', { ...one, body: labels },
      ({ params, body, principal }) => devices.label(params.device, body.labels, actorFor(principal, 'devices.write'))),
    route('POST /api/v1/devices/:device/group', { ...one, body: z.strictObject({ add: groups.default([]), remove: groups.default([]) }) },
      ({ params, body, principal }) => devices.group(params.device, body, actorFor(principal, 'devices.write'))),
    route('POST /api/v1/devices/:device/owner', { ...one, body: z.strictObject({ person: text(64).nullable() }) },
      ({ params, body, principal }) => devices.setOwner(params.device, body.person, actorFor(principal, 'people.write'))),
    route('POST /api/v1/devices/:device/revoke', one, ({ params, principal }) => devices.revoke(params.device, actorFor(principal, 'devices.write'))),
    route('POST /api/v1/devices/:device/decommission', one, ({ params, principal }) => devices.decommission(params.device, actorFor(principal, 'devices.write'))),
  ];
}
