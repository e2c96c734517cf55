import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import { badName, isName } from './names.ts';
import type { Actor, Scope } from '../accounts/permissions.ts';
import { endForDevice } from '../requests/device-end.ts';
import { type Device, type DeviceFilter, type DevicePage, readDevice, readDevices } from './read.ts';
import { createTokenService, type TokenService } from './tokens.ts';

export type { Device, DeviceFilter, DevicePage } from './read.ts';
export type { EnrollToken } from './tokens.ts';

/** `null` removes a label. */
export type LabelChanges = Readonly<Record<string, string | null>>;
export type GroupChanges = { readonly add?: readonly string[]; readonly remove?: readonly string[] };

/** Administrators' side of devices. Whoever acts does so within a scope; outside it, and "not there", is BELAY_E_NOT_PERMITTED. */
export interface DeviceService extends TokenService {
  list(filter: DeviceFilter, scope: Scope, page?: DevicePage): Promise<readonly Device[]>;
  /** `name` is an id, or a name that only one device has. */
  show(name: string, scope: Scope): Promise<Result<Device, Failure>>;
  rename(device: string, name: string, actor: Actor): Promise<Result<Device, Failure>>;
  label(device: string, changes: LabelChanges, actor: Actor): Promise<Result<Device, Failure>>;
  group(device: string, changes: GroupChanges, actor: Actor): Promise<Result<Device, Failure>>;
  /** `person` null: nobody's. */
  setOwner(device: string, person: string | null, actor: Actor): Promise<Result<Device, Failure>>;
  revoke(device: string, actor: Actor): Promise<Result<Device, Failure>>;
  decommission(device: string, actor: Actor): Promise<Result<Device, Failure>>;
}

export type DeviceServiceDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'publisher' | 'notices' | 'clock' | 'keys' | 'config'>;

const LABEL_VALUE = /^[^\p{Cc}\p{Cs}]{0,256}$/u;
const MAX_NAMES = 100;

export function createDeviceService(deps: DeviceServiceDeps): DeviceService {
  return { ...deviceReader(deps), ...deviceEditor(deps), ...createTokenService(deps) };
}

function deviceReader({ store }: DeviceServiceDeps): Pick<DeviceService, 'list' | 'show'> {
  return {
    list: (filter, scope, page) => readDevices(store.db, filter, scope, page),
    show: async (name, scope) => found(await readDevice(store.db, name, scope)),
  };
}

function deviceEditor(deps: DeviceServiceDeps): Pick<DeviceService, 'rename' | 'label' | 'group' | 'setOwner' | 'revoke' | 'decommission'> {
  return {
    async rename(device, name, actor) {
      if (!isName(name)) return badName('device name', name);
      return change(deps, device, actor, async (tx, id) => {
        await tx.updateTable('devices').set({ name }).where('id', '=', id).execute();
        return `name = ${name}`;
      });
    },
    async label(device, changes, actor) {
      const bad = Object.entries(changes).find(([key, value]) => !isName(key) || (value !== null && !LABEL_VALUE.test(value)));
      if (bad !== undefined) return badName('label', bad[0]);
      if (Object.keys(changes).length > MAX_NAMES) return err(failure('BELAY_E_TOO_LARGE'));
      return change(deps, device, actor, (tx, id) => applyLabels(tx, id, changes));
    },
    async group(device, changes, actor) {
      const names = [...(changes.add ?? []), ...(changes.remove ?? [])];
      const bad = names.find((name) => !isName(name));
      if (bad !== undefined) return badName('group name', bad);
      if (names.length > MAX_NAMES) return err(failure('BELAY_E_TOO_LARGE'));
      // SECURITY(T-37): policies and people's scopes hang on groups: nobody moves a device into, or out of, what is not theirs.
      const { scope } = actor;
      if (scope !== 'all' && !names.every((name) => scope.includes(name))) return err(failure('BELAY_E_NOT_PERMITTED'));
      return change(deps, device, actor, (tx, id) => applyGroups(tx, id, changes));
    },
    async setOwner(device, person, actor) {
      const owner = person === null ? null : await deps.store.db.selectFrom('persons').select(['id', 'name']).where('id', '=', person).executeTakeFirst();
      if (owner === undefined) return err(failure('BELAY_E_BAD_REQUEST', 'There is no such person.'));
      return change(deps, device, actor, async (tx, id) => {
        await tx.updateTable('devices').set({ owner_person_id: owner?.id ?? null }).where('id', '=', id).execute();
        return `owner = ${owner === null ? 'nobody' : `${owner.name} (${owner.id})`}`;
      });
    },
    revoke: (device, actor) => retire(deps, device, 'revoked', actor),
    decommission: (device, actor) => retire(deps, device, 'decommissioned', actor),
  };
}

async function applyLabels(tx: Db, id: string, changes: LabelChanges): Promise<string> {
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) await tx.deleteFrom('device_labels').where('device_id', '=', id).where('key', '=', key).execute();
    else {
      await tx.insertInto('device_labels').values({ device_id: id, key, value })
        .onConflict((conflict) => conflict.columns(['device_id', 'key']).doUpdateSet({ value })).execute();
    }
  }
  return Object.entries(changes).map(([key, value]) => (value === null ? `label ${key} removed` : `label ${key} = ${value}`)).join(', ');
}

async function applyGroups(tx: Db, id: string, { add = [], remove = [] }: GroupChanges): Promise<string> {
  for (const name of add) {
    await tx.insertInto('device_groups').values({ device_id: id, group_name: name })
      .onConflict((conflict) => conflict.columns(['device_id', 'group_name']).doNothing()).execute();
  }
  if (remove.length > 0) await tx.deleteFrom('device_groups').where('device_id', '=', id).where('group_name', 'in', [...remove]).execute();
  return [...add.map((name) => `group ${name} added`), ...remove.map((name) => `group ${name} removed`)].join(', ');
}

/** One change, its event, and a new manifest for the device. `edit` answers what changed, in words. */
async function change(deps: DeviceServiceDeps, device: string, { name: by, scope }: Actor, edit: (tx: Db, id: string) => Promise<string>): Promise<Result<Device, Failure>> {
  const changed = await deps.serverEvents.transact(async (tx, record) => {
    const known = await readDevice(tx, device, scope);
    if (known === undefined || known.state !== 'active') return known === undefined ? undefined : 'retired';
    const what = await edit(tx, known.id);
    record({ type: 'device.updated', fields: { by, device: known.id, change: what } });
    return readDevice(tx, known.id, 'all');
  });
  if (changed === 'retired') return err(failure('BELAY_E_CONFLICT', 'This device is no longer part of the fleet.'));
  if (changed !== undefined) await deps.publisher.deviceChanged(changed.id);
  return found(changed);
}

async function retire(deps: DeviceServiceDeps, device: string, state: 'revoked' | 'decommissioned', { name: by, scope }: Actor): Promise<Result<Device, Failure>> {
  const retired = await deps.serverEvents.transact(async (tx, record) => {
    const known = await readDevice(tx, device, scope);
    if (known === undefined || known.state === state) return known;
    await tx.updateTable('devices').set({ state, silent_since: null }).where('id', '=', known.id).execute();
    await tx.deleteFrom('manifests').where('device_id', '=', known.id).execute();
    record({ type: state === 'revoked' ? 'device.revoked' : 'device.decommissioned', fields: { by, device: known.id } });
    await endForDevice(deps, tx, record, { device: known.id, by, now: deps.clock() });
    return { ...known, state };
  });
  // SECURITY(T-26): every server ends the device's streams the moment it is revoked.
  if (retired !== undefined) await deps.publisher.deviceChanged(retired.id);
  return found(retired);
}

function found(device: Device | undefined): Result<Device, Failure> {
  return device === undefined ? err(failure('BELAY_E_NOT_PERMITTED')) : ok(device);
}
