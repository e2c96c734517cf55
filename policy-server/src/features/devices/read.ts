import type { Db, Tables } from '../../store/index.ts';
import { reaches, type Scope } from '../accounts/permissions.ts';

/** A device as administrators see it. Times are Unix ms, by the server's clock. */
export type Device = {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  readonly state: Tables['devices']['state'];
  readonly groups: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly enrolledAt: number;
  readonly certificateExpiresAt: number;
  readonly lastSeenAt: number | null;
  readonly silentSince: number | null;
  /** Manifest in force on the device, as it last said; `issuedNumber` is the last one made for it. */
  readonly manifest: { readonly epoch: number; readonly number: number; readonly issuedNumber: number };
  readonly agentVersion: string;
  readonly inventory: Readonly<Record<string, string | number>>;
  readonly problems: readonly string[];
  /** Whether its evidence is whole; `gap` and `refused` need an administrator to look. */
  readonly evidence: { readonly state: 'none' | 'good' | 'gap' | 'refused'; readonly seq: number };
  /** The person whose machine it is. */
  readonly owner: { readonly id: string; readonly name: string } | null;
};

type Extras = { readonly groups: readonly string[]; readonly labels: Readonly<Record<string, string>>; readonly evidence: Device['evidence']; readonly owner: Device['owner'] };

export function deviceOf(row: Tables['devices'], { groups, labels, evidence, owner }: Extras): Device {
  return {
    id: row.id, name: row.name, hostname: row.hostname, state: row.state, groups, labels,
    enrolledAt: row.enrolled_at, certificateExpiresAt: row.certificate_expires_at, lastSeenAt: row.last_seen_at, silentSince: row.silent_since,
    manifest: { epoch: row.manifest_epoch, number: row.manifest_number, issuedNumber: row.issued_number },
    agentVersion: row.agent_version, inventory: JSON.parse(row.inventory) as Device['inventory'], problems: JSON.parse(row.problems) as string[], evidence, owner,
  };
}

/** By id, or by a name that only one active device has (or, failing that, only one at all). Outside the scope there is none. */
export async function readDevice(db: Db, idOrName: string, scope: Scope): Promise<Device | undefined> {
  const named = db.selectFrom('devices').selectAll().where((eb) => eb.or([eb('id', '=', idOrName), eb('name', '=', idOrName)]));
  // SECURITY(T-30): what is outside is not looked at: neither its being there nor its name's being taken shows.
  const found = await withExtras(db, await within(named, scope).limit(20).execute());
  const devices = found.filter(({ groups }) => reaches(scope, groups));
  const active = devices.filter(({ state }) => state === 'active');
  return devices.find(({ id }) => id === idOrName) ?? (active.length === 1 ? active[0] : devices.length === 1 ? devices[0] : undefined);
}

type DeviceQuery = ReturnType<typeof allOf>;
const allOf = (db: Db) => db.selectFrom('devices').selectAll();

function within(query: DeviceQuery, scope: Scope): DeviceQuery {
  if (scope === 'all') return query;
  if (scope.length === 0) return query.where((eb) => eb.lit(false));
  return query.where('id', 'in', (eb) => eb.selectFrom('device_groups').select('device_id').where('group_name', 'in', scope));
}

export type DeviceFilter = {
  readonly group?: string | undefined;
  readonly state?: Device['state'] | undefined;
  readonly name?: string | undefined;
  /** Part of a name, host name or id. */
  readonly search?: string | undefined;
};
/** In the order of names. */
export type DevicePage = { readonly limit: number; readonly after?: readonly [name: string, id: string] | undefined };

export async function readDevices(db: Db, { group, state, name, search }: DeviceFilter, scope: Scope, page?: DevicePage): Promise<Device[]> {
  let query = within(allOf(db), scope).orderBy('name').orderBy('id');
  if (state !== undefined) query = query.where('state', '=', state);
  if (name !== undefined) query = query.where('name', '=', name);
  if (group !== undefined) query = query.where('id', 'in', (eb) => eb.selectFrom('device_groups').select('device_id').where('group_name', '=', group));
  if (search !== undefined) query = query.where((eb) => eb.or((['name', 'hostname', 'id'] as const).map((column) => eb(eb.fn<string>('lower', [column]), 'like', likePattern(search)))));
  const after = page?.after;
  if (after !== undefined) query = query.where((eb) => eb.or([eb('name', '>', after[0]), eb.and([eb('name', '=', after[0]), eb('id', '>', after[1])])]));
  return withExtras(db, await (page === undefined ? query : query.limit(page.limit)).execute());
}

/** What somebody typed stands for itself; where it has a wildcard it stands for any one character. */
export function likePattern(text: string): string {
  return `%${text.toLowerCase().replace(/[%_\\]/g, '_')}%`;
}

const AT_ONCE = 500;

async function withExtras(db: Db, rows: readonly Tables['devices'][]): Promise<Device[]> {
  const devices: Device[] = [];
  for (let at = 0; at < rows.length; at += AT_ONCE) {
    const some = rows.slice(at, at + AT_ONCE);
    const ids = some.map(({ id }) => id);
    const groups = await db.selectFrom('device_groups').selectAll().where('device_id', 'in', ids).orderBy('group_name').execute();
    const labels = await db.selectFrom('device_labels').selectAll().where('device_id', 'in', ids).orderBy('key').execute();
    const chains = await db.selectFrom('chains').select(['device_id', 'state', 'seq']).where('device_id', 'in', ids).execute();
    const ownerIds = [...new Set(some.map(({ owner_person_id: owner }) => owner).filter((id) => id !== null))];
    const owners = ownerIds.length === 0 ? [] : await db.selectFrom('persons').select(['id', 'name']).where('id', 'in', ownerIds).execute();
    const ownerOf = new Map(owners.map((owner) => [owner.id, owner]));
    const groupsOf = Map.groupBy(groups, (group) => group.device_id);
    const labelsOf = Map.groupBy(labels, (label) => label.device_id);
    const chainOf = new Map(chains.map((chain) => [chain.device_id, chain]));
    devices.push(...some.map((row) => deviceOf(row, {
      groups: (groupsOf.get(row.id) ?? []).map((group) => group.group_name),
      labels: Object.fromEntries((labelsOf.get(row.id) ?? []).map((label) => [label.key, label.value])),
      evidence: { state: chainOf.get(row.id)?.state ?? 'none', seq: chainOf.get(row.id)?.seq ?? 0 },
      owner: ownerOf.get(row.owner_person_id ?? '') ?? null,
    })));
  }
  return devices;
}
