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
        if (scope === 'all') return some;
        if (name === 'requests') return requestsSeen(db, some, scope);
        if (name === 'devices') return devicesSeen(db, some, scope, seen);
        // Policies are one text for the whole fleet, and whoever may see people sees all of them.
        return name === 'events' ? eventsSeen(db, some, scope, seen) : some;
      }))).flat();
    },
  };
}

async function requestsSeen(db: Db, hints: readonly Hint[], groups: Groups): Promise<readonly Hint[]> {
  const ids = hints.flatMap(({ id }) => (id === undefined ? [] : [id]));
  if (ids.length < hints.length) return hints;
  const rows = await db.selectFrom('requests').innerJoin('device_groups', 'device_groups.device_id', 'requests.device_id').select('requests.id')
    .where('requests.id', 'in', ids).where('device_groups.group_name', 'in', [...groups]).execute();
  const within = new Set(rows.map(({ id }) => id));
  return hints.filter(({ id = '' }) => within.has(id));
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
