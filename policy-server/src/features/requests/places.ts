import { err, ok, type Result } from '@belay/core/result';
import type { Db, Tables } from '../../store/index.ts';
import { personOfUser } from '../accounts/people.ts';
import type { Filed } from './filing.ts';

/** Another device that a request is for as well. */
export type Elsewhere = {
  readonly device: string;
  readonly name: string;
  /** The requester's user there, when it was asked. */
  readonly user: string;
  readonly state: Tables['devices']['state'];
  readonly groups: readonly string[];
  readonly owner: string | null;
  /** Whose user that is now. */
  readonly person: string | undefined;
};

export type Place = { readonly device: string; readonly user: string };

/**
 * The devices that are named besides the one that asks, each with the requester's user there; or what the requester is told.
 * SECURITY(T-31): a name on another device is the same person only where somebody has said so: by links to one person.
 */
export async function placesOf(tx: Db, device: string, { alsoOn, user, stance, emergency, details }: Filed): Promise<Result<readonly Place[], string>> {
  if (alsoOn.length === 0) return ok([]);
  if (stance !== 'ahead' || emergency || details.scope === null || details.runAsUid !== 0 || details.runAsGid !== 0) return err('This cannot be asked for on several devices at once.');
  const person = await personOfUser(tx, device, user);
  if (person === undefined) return err('On other devices nobody knows that you are you: have an administrator link your users to one person.');
  const places: Place[] = [];
  const missing: string[] = [];
  for (const name of new Set(alsoOn)) {
    const found = await tx.selectFrom('devices').select('id').where('name', '=', name).where('state', '=', 'active').limit(2).execute();
    const [one] = found;
    if (one?.id === device) continue;
    const userThere = one === undefined || found.length > 1 ? undefined : await userOf(tx, one.id, person.id, user);
    // SECURITY(T-30): a device that is not there and one where the requester is nobody are the same to them.
    if (one === undefined || userThere === undefined) missing.push(name);
    else places.push({ device: one.id, user: userThere });
  }
  if (missing.length > 0) return err(`Not asked for: no user of yours is known on ${missing.slice(0, 5).join(', ')}${missing.length > 5 ? ` and ${missing.length - 5} more` : ''}. Ask without, or have an administrator link you there.`);
  return ok(places);
}

/** A link to the very device goes before one to every device; of several the one of the same name. */
async function userOf(tx: Db, device: string, person: string, name: string): Promise<string | undefined> {
  const rows = await tx.selectFrom('person_users').select(['user_name', 'device_id']).where('person_id', '=', person)
    .where((eb) => eb.or([eb('device_id', '=', device), eb('device_id', 'is', null)])).orderBy('user_name').execute();
  const here = rows.filter(({ device_id: of }) => of !== null);
  const names = (here.length > 0 ? here : rows).map(({ user_name: user }) => user);
  const user = names.includes(name) ? name : names.length === 1 ? names[0] : undefined;
  // Somebody else may be linked to that name on the very device.
  return user !== undefined && (await personOfUser(tx, device, user))?.id === person ? user : undefined;
}

/** Of each request, by its id, in the order of names. */
export async function readElsewhere(db: Db, requests: readonly string[]): Promise<ReadonlyMap<string, readonly Elsewhere[]>> {
  const rows = await db.selectFrom('request_devices').innerJoin('devices', 'devices.id', 'request_devices.device_id')
    .select(['request_id', 'devices.id as device', 'devices.name', 'user_name as user', 'devices.state', 'owner_person_id as owner']).where('request_id', 'in', [...requests]).orderBy('devices.name').orderBy('devices.id').execute();
  if (rows.length === 0) return new Map();
  const groups = Map.groupBy(await db.selectFrom('device_groups').selectAll().where('device_id', 'in', [...new Set(rows.map(({ device }) => device))]).execute(), ({ device_id: device }) => device);
  const places = await Promise.all(rows.map(async ({ request_id: request, ...place }) => ({
    request, place: { ...place, groups: (groups.get(place.device) ?? []).map(({ group_name: name }) => name), person: (await personOfUser(db, place.device, place.user))?.id },
  })));
  return new Map([...Map.groupBy(places, ({ request }) => request)].map(([request, of]) => [request, of.map(({ place }) => place)]));
}
