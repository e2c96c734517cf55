import { type Failure, failure } from '@belay/core/codes';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Db, Tables } from '../../store/index.ts';
import { likePattern, readDevice } from '../devices/read.ts';
import { holderOf, insertPerson, linkUser, type Recording } from './persons.ts';

type Named = { readonly id: string; readonly name: string };
/** `device` null: on every device. */
export type PersonUser = { readonly user: string; readonly device: Named | null };
export type PersonView = {
  readonly id: string; readonly name: string; readonly email: string | null; readonly manager: Named | null; readonly users: readonly PersonUser[]; readonly accounts: readonly Named[]; readonly createdAt: number;
};
export type PersonDetails = { readonly name?: string | undefined; readonly email?: string | null | undefined; readonly manager?: string | null | undefined };
/** `device`: id or name. */
export type UserLink = { readonly user: string; readonly device: string | null };
export type PersonPage = { readonly limit: number; readonly after?: readonly [name: string, id: string] | undefined };

/** Who is who. "Not there" is BELAY_E_NOT_PERMITTED. */
export interface PersonService {
  /** `search`: part of a name, an address or a user's name on devices. */
  list(search: string | undefined, page: PersonPage): Promise<readonly PersonView[]>;
  show(id: string): Promise<Result<PersonView, Failure>>;
  create(details: PersonDetails & { readonly name: string; readonly users?: readonly UserLink[] | undefined }, by: string): Promise<Result<PersonView, Failure>>;
  update(id: string, details: PersonDetails, by: string): Promise<Result<PersonView, Failure>>;
  /** BELAY_E_CONFLICT: a user is somebody else's; take it from them first. */
  users(id: string, changes: { readonly add: readonly UserLink[]; readonly remove: readonly UserLink[] }, by: string): Promise<Result<PersonView, Failure>>;
}

export type PersonServiceDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'clock'>;

export function createPersonService(deps: PersonServiceDeps): PersonService {
  const { db } = deps.store;
  return {
    async list(search, { limit, after }) {
      let query = db.selectFrom('persons').selectAll().orderBy('name').orderBy('id').limit(limit);
      if (after !== undefined) query = query.where((eb) => eb.or([eb('name', '>', after[0]), eb.and([eb('name', '=', after[0]), eb('id', '>', after[1])])]));
      if (search !== undefined) {
        const pattern = likePattern(search);
        query = query.where((eb) => eb.or([
          eb(eb.fn<string>('lower', ['name']), 'like', pattern), eb(eb.fn<string>('lower', ['email']), 'like', pattern),
          eb('id', 'in', eb.selectFrom('person_users').select('person_id').where((user) => user(user.fn<string>('lower', ['user_name']), 'like', pattern))),
        ]));
      }
      return viewsOf(db, await query.execute());
    },
    show: async (id) => found(await readPerson(db, id)),
    async create({ users = [], ...details }, by) {
      return changed(deps, by, async (recording) => {
        const { name, email = null, manager = null } = details;
        if (manager !== null && (await readPerson(recording.tx, manager)) === undefined) return NO_MANAGER;
        const id = await insertPerson(recording, { name, email, managerId: manager }, deps.clock());
        return (await addUsers(recording, id, users)) ?? id;
      });
    },
    update: (id, details, by) => changed(deps, by, (recording) => update(recording, id, details)),
    async users(id, { add, remove }, by) {
      return changed(deps, by, async (recording) => {
        if ((await readPerson(recording.tx, id)) === undefined) return failure('BELAY_E_NOT_PERMITTED');
        return (await removeUsers(recording, id, remove)) ?? (await addUsers(recording, id, add)) ?? id;
      });
    },
  };
}

const NO_MANAGER = failure('BELAY_E_BAD_REQUEST', 'There is no such person to be the manager.');

/** `work` answers the person's id, or why nothing at all is changed. */
async function changed({ store, serverEvents }: PersonServiceDeps, by: string, work: (recording: Recording) => Promise<string | Failure>): Promise<Result<PersonView, Failure>> {
  try {
    return await serverEvents.transact(async (tx, record) => {
      const answer = await work({ tx, record, by });
      if (typeof answer !== 'string') throw new Undone(answer);
      await store.notifyAfter(tx, 'people', answer);
      return found(await readPerson(tx, answer));
    });
  } catch (error) {
    if (error instanceof Undone) return err(error.failed);
    throw error;
  }
}

/** Takes a transaction back, with what had been done in it. */
class Undone extends Error {
  readonly failed: Failure;
  constructor(failed: Failure) {
    super(failed.message);
    this.failed = failed;
  }
}

async function update({ tx, record, by }: Recording, id: string, { name, email, manager }: PersonDetails): Promise<string | Failure> {
  const before = await readPerson(tx, id);
  if (before === undefined) return failure('BELAY_E_NOT_PERMITTED');
  if (manager !== undefined && manager !== null) {
    const fault = await managerFault(tx, id, manager);
    if (fault !== undefined) return fault;
  }
  const changes = [
    ...(name === undefined || name === before.name ? [] : [`name = ${name}`]), ...(email === undefined || email === before.email ? [] : [`email = ${email ?? 'none'}`]),
    ...(manager === undefined || manager === (before.manager?.id ?? null) ? [] : [`manager = ${manager ?? 'none'}`]),
  ];
  if (changes.length === 0) return id;
  const set = { ...(name === undefined ? {} : { name }), ...(email === undefined ? {} : { email }), ...(manager === undefined ? {} : { manager_id: manager }) };
  await tx.updateTable('persons').set(set).where('id', '=', id).execute();
  record({ type: 'person.updated', fields: { by, person: id, change: changes.join(', ') } });
  return id;
}

const MOST_LEVELS = 100;

/** Nobody is above themselves, by however many steps. */
async function managerFault(tx: Db, id: string, manager: string): Promise<Failure | undefined> {
  let at: string | null = manager;
  for (let level = 0; at !== null; level++) {
    if (at === id || level > MOST_LEVELS) return failure('BELAY_E_BAD_REQUEST', 'Somebody would be their own manager.');
    const row: { manager_id: string | null } | undefined = await tx.selectFrom('persons').select('manager_id').where('id', '=', at).executeTakeFirst();
    if (row === undefined) return NO_MANAGER;
    at = row.manager_id;
  }
  return undefined;
}

async function deviceIdOf(tx: Db, device: string | null): Promise<string | null | undefined> {
  return device === null ? null : (await readDevice(tx, device, 'all'))?.id;
}

const noDevice = (): Failure => failure('BELAY_E_NOT_PERMITTED');

async function addUsers(recording: Recording, id: string, links: readonly UserLink[]): Promise<Failure | undefined> {
  for (const { user, device } of links) {
    const deviceId = await deviceIdOf(recording.tx, device);
    if (deviceId === undefined) return noDevice();
    const holder = await linkUser(recording, id, user, deviceId);
    if (holder !== id) return failure('BELAY_E_CONFLICT', `The user ${user} ${device === null ? 'on every device' : `on ${device}`} is linked to another person (${holder}).`);
  }
  return undefined;
}

async function removeUsers({ tx, record, by }: Recording, id: string, links: readonly UserLink[]): Promise<Failure | undefined> {
  for (const { user, device } of links) {
    const deviceId = await deviceIdOf(tx, device);
    if (deviceId === undefined || (await holderOf(tx, user, deviceId)) !== id) return noDevice();
    await tx.deleteFrom('person_users').where('user_name', '=', user).where('device_id', deviceId === null ? 'is' : '=', deviceId).execute();
    record({ type: 'person.user-unlinked', fields: { by, person: id, user, ...(deviceId === null ? {} : { device: deviceId }) } });
  }
  return undefined;
}

export async function readPerson(db: Db, id: string): Promise<PersonView | undefined> {
  const rows = await db.selectFrom('persons').selectAll().where('id', '=', id).execute();
  return (await viewsOf(db, rows))[0];
}

async function viewsOf(db: Db, rows: readonly Tables['persons'][]): Promise<PersonView[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const managerIds = rows.map(({ manager_id: manager }) => manager).filter((id) => id !== null);
  const managers = managerIds.length === 0 ? [] : await db.selectFrom('persons').select(['id', 'name']).where('id', 'in', managerIds).execute();
  const users = await db.selectFrom('person_users').leftJoin('devices', 'devices.id', 'person_users.device_id').select(['person_id', 'user_name', 'device_id', 'devices.name'])
    .where('person_id', 'in', ids).orderBy('user_name').orderBy('device_id').execute();
  const accounts = await db.selectFrom('accounts').select(['id', 'name', 'person_id']).where('person_id', 'in', ids).orderBy('name').execute();
  return rows.map((row) => ({
    id: row.id, name: row.name, email: row.email, manager: managers.find(({ id }) => id === row.manager_id) ?? null,
    users: users.filter(({ person_id: person }) => person === row.id).map(({ user_name: user, device_id: id, name }) => ({ user, device: id === null ? null : { id, name: name ?? id } })),
    accounts: accounts.filter(({ person_id: person }) => person === row.id).map(({ id, name }) => ({ id, name })), createdAt: row.created_at,
  }));
}

function found(person: PersonView | undefined): Result<PersonView, Failure> {
  return person === undefined ? err(failure('BELAY_E_NOT_PERMITTED')) : ok(person);
}
