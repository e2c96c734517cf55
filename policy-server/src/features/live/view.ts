import type { Db } from '../../store/index.ts';
import { type Hint, isTold, type Reach } from './hints.ts';

/** What one caller may be told: of what lies outside their scope nothing, but that in a flood there was something. */
export interface View {
  /** Of these hints those that are for this caller, as they may be told. */
  see(hints: readonly Hint[]): Promise<readonly Hint[]>;
}

type Groups = readonly string[];

/** Devices within a scope, as last looked at: one that has left it is news for whoever saw it there. */
type Seen = { devices: Set<string>; lastEvent: number };

export async function createView(db: Db, reach: Reach): Promise<View> {
  const groups = reach.devices === 'all' ? undefined : reach.devices;
  const seen: Seen = { devices: groups === undefined ? new Set() : await allWithin(db, groups), lastEvent: await newestEvent(db) };
  return {
    async see(hints) {
      const told = hints.filter(({ name }) => isTold(reach, name));
      const parts = Map.groupBy(told, ({ name }) => name);
      return (await Promise.all([...parts].map(async ([name, some]): Promise<readonly Hint[]> => {
        const scope = reach[name];
        // SECURITY(T-37): whoever is narrowed to some devices hears of those alone.
        if (scope === 'all' && name !== 'requests') return some;
        if (name === 'requests') return requestsSeen(db, some, scope === 'all' ? undefined : scope);
        if (name === 'devices') return devicesSeen(db, some, scope as Groups, seen);
        // Policies are one text for the whole fleet, and whoever may see people sees all of them.
        return name === 'events' ? eventsSeen(db, some, scope as Groups, seen) : some;
      }))).flat();
    },
  };
}

/** `DEVICE/REQUEST` on the way between servers; a request whose device is not said is for nobody who is narrowed. */
async function requestsSeen(db: Db, hints: readonly Hint[], groups: Groups | undefined): Promise<readonly Hint[]> {
  const named = hints.map(({ id = '' }) => {
    const at = id.indexOf('/');
    return { device: at < 0 ? '' : id.slice(0, at), request: id.slice(at + 1) };
  });
  const hintOf = (request: string): Hint => (request === '' ? { name: 'requests' } : { name: 'requests', id: request });
  if (groups === undefined) return named.map(({ request }) => hintOf(request));
  const within = await devicesWithin(db, named.map(({ device }) => device), groups);
  return named.filter(({ device, request }) => request === '' || within.has(device)).map(({ request }) => hintOf(request));
}

async function devicesSeen(db: Db, hints: readonly Hint[], groups: Groups, seen: Seen): Promise<readonly Hint[]> {
  if (hints.some(({ id }) => id === undefined)) {
    seen.devices = await allWithin(db, groups);
    return hints;
  }
  const within = await devicesWithin(db, hints.map(({ id = '' }) => id), groups);
  const told = hints.filter(({ id = '' }) => within.has(id) || seen.devices.has(id));
  for (const { id = '' } of told) {
    if (within.has(id)) seen.devices.add(id);
    else seen.devices.delete(id);
  }
  return told;
}

async function eventsSeen(db: Db, hints: readonly Hint[], groups: Groups, seen: Seen): Promise<readonly Hint[]> {
  const before = seen.lastEvent;
  seen.lastEvent = await newestEvent(db);
  const own = await db.selectFrom('events').select('id').where('id', '>', before)
    .where('device_id', 'in', (eb) => eb.selectFrom('device_groups').select('device_id').where('group_name', 'in', [...groups])).limit(1).executeTakeFirst();
  return own === undefined ? [] : hints;
}

async function newestEvent(db: Db): Promise<number> {
  return (await db.selectFrom('events').select('id').orderBy('id', 'desc').limit(1).executeTakeFirst())?.id ?? 0;
}

async function devicesWithin(db: Db, devices: readonly string[], groups: Groups): Promise<ReadonlySet<string>> {
  if (devices.length === 0 || groups.length === 0) return new Set();
  const rows = await db.selectFrom('device_groups').select('device_id').where('device_id', 'in', [...devices]).where('group_name', 'in', [...groups]).execute();
  return new Set(rows.map(({ device_id: id }) => id));
}

async function allWithin(db: Db, groups: Groups): Promise<Set<string>> {
  if (groups.length === 0) return new Set();
  const rows = await db.selectFrom('device_groups').select('device_id').distinct().where('group_name', 'in', [...groups]).execute();
  return new Set(rows.map(({ device_id: id }) => id));
}
