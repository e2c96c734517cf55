import { ok } from '@belay/core/result';
import { z } from 'zod';
import { type AdminService, ROLES } from '../features/admins/service.ts';
import type { DeviceService } from '../features/devices/service.ts';
import { type Route, route, text } from './route.ts';

const id = z.strictObject({ id: text(64) });
const groups = z.array(text(128)).max(100);

export function adminRoutes(admins: AdminService): readonly Route[] {
  return [
    route('POST /api/v1/login', { body: z.strictObject({ name: text(128), password: z.string().max(1024) }) }, ({ body }) => admins.login(body.name, body.password)),
    route('POST /api/v1/logout', {}, async ({ principal }) => {
      await admins.logout(principal);
      return ok({});
    }),
    route('GET /api/v1/whoami', {}, async ({ principal: { name, role, kind, expiresAt } }) => ok({ name, role, kind, expiresAt })),
    route('GET /api/v1/tokens', {}, async () => ok({ tokens: await admins.listTokens() })),
    route('POST /api/v1/tokens', { body: z.strictObject({ name: text(64), role: z.enum(ROLES), validForMs: z.int() }) }, ({ body, principal }) => admins.createToken(body, principal)),
    route('POST /api/v1/tokens/:id/revoke', { params: id }, ({ params, principal }) => admins.revokeToken(params.id, principal)),
  ];
}

export function enrollTokenRoutes(devices: DeviceService): readonly Route[] {
  return [
    route('GET /api/v1/enroll-tokens', {}, async () => ok({ tokens: await devices.listTokens() })),
    route('POST /api/v1/enroll-tokens', { body: z.strictObject({ uses: z.int(), validForMs: z.int(), groups: groups.default([]) }) },
      ({ body, principal }) => devices.createToken(body, principal.name)),
    route('POST /api/v1/enroll-tokens/:id/revoke', { params: id }, ({ params, principal }) => devices.revokeToken(params.id, principal.name)),
  ];
}

const device = z.strictObject({ device: text(256) });
const deviceFilter = z.strictObject({ group: text(128).optional(), state: z.enum(['active', 'revoked', 'decommissioned']).optional(), name: text(256).optional() });
const labels = z.strictObject({ labels: z.record(text(128), z.string().max(256).regex(/^[^\0]*$/).nullable()) });

export function deviceRoutes(devices: DeviceService): readonly Route[] {
  return [
    route('GET /api/v1/devices', { query: deviceFilter }, async ({ query: { group, state, name } }) => ok({
      devices: await devices.list({ ...(group === undefined ? {} : { group }), ...(state === undefined ? {} : { state }), ...(name === undefined ? {} : { name }) }),
    })),
    route('GET /api/v1/devices/:device', { params: device }, ({ params }) => devices.show(params.device)),
    route('POST /api/v1/devices/:device/rename', { params: device, body: z.strictObject({ name: text(128) }) },
      ({ params, body, principal }) => devices.rename(params.device, body.name, principal.name)),
    route('POST /api/v1/devices/:device/label', { params: device, body: labels },
      ({ params, body, principal }) => devices.label(params.device, body.labels, principal.name)),
    route('POST /api/v1/devices/:device/group', { params: device, body: z.strictObject({ add: groups.default([]), remove: groups.default([]) }) },
      ({ params, body, principal }) => devices.group(params.device, body, principal.name)),
    route('POST /api/v1/devices/:device/revoke', { params: device }, ({ params, principal }) => devices.revoke(params.device, principal.name)),
    route('POST /api/v1/devices/:device/decommission', { params: device }, ({ params, principal }) => devices.decommission(params.device, principal.name)),
  ];
}
