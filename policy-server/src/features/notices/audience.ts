import type { Db } from '../../store/index.ts';
import { readAllBindings } from '../accounts/bindings.ts';
import { may, reaches, type RoleBinding } from '../accounts/permissions.ts';
import type { RequestFacts } from './notice.ts';

/** Somebody to write to. */
export type Recipient = { readonly name: string; readonly email: string };

/** Who is to be told: asked right after the notice was committed. Only accounts that are open and have an address. */
export interface Audience {
  /** Those who may answer the request as `from` of the rule says, in scope of the device, never the requester. */
  approversOf(db: Db, request: RequestFacts, from: readonly string[]): Promise<readonly Recipient[]>;
  /** The person who asked, where the user of the device is linked to one. */
  requesterOf(db: Db, request: RequestFacts): Promise<readonly Recipient[]>;
  /** Every approver, operator and administrator whose scope covers the device. */
  everybody(db: Db, request: RequestFacts): Promise<readonly Recipient[]>;
}

type Account = Recipient & { readonly id: string; readonly personId: string | null; readonly groups: readonly string[]; readonly bindings: readonly RoleBinding[] };
const TOLD_OF_EMERGENCIES = new Set(['approver', 'operator', 'administrator']);

export function createAudience(): Audience {
  return {
    async approversOf(db, request, from) {
      const { groups, owner } = await deviceOf(db, request.device.id);
      const manager = request.person === null ? undefined : await managerOf(db, request.person.id);
      const isFit = (account: Account): boolean => may(account.bindings, 'requests.answer', groups) && from.some((each) => isNamed(account, each, groups, manager));
      // Nobody is asked about what they asked for themselves; whoever asked and is not known may be the device's owner.
      const isRequester = ({ personId }: Account): boolean => personId !== null && personId === (request.person?.id ?? owner);
      return (await openAccounts(db)).filter((account) => isFit(account) && !isRequester(account));
    },
    async requesterOf(db, { person }) {
      if (person === null) return [];
      const accounts = (await openAccounts(db)).filter(({ personId }) => personId === person.id);
      if (accounts.length > 0) return accounts;
      // Somebody may have an address and no account: the answer is theirs all the same.
      const own = await db.selectFrom('persons').select(['name', 'email']).where('id', '=', person.id).executeTakeFirst();
      return own?.email == null ? [] : [{ name: own.name, email: own.email }];
    },
    async everybody(db, request) {
      const { groups } = await deviceOf(db, request.device.id);
      return (await openAccounts(db)).filter(({ bindings }) => bindings.some(({ role, groups: scope }) => TOLD_OF_EMERGENCIES.has(role) && reaches(scope, groups)));
    },
  };
}

function isNamed({ name, personId, groups, bindings }: Account, from: string, deviceGroups: readonly string[], manager: string | undefined): boolean {
  if (from === 'manager') return manager !== undefined && personId === manager;
  const at = from.indexOf(':');
  const [kind, value] = [from.slice(0, at), from.slice(at + 1)];
  if (kind === 'role') return bindings.some((binding) => binding.role === value && reaches(binding.groups, deviceGroups));
  return kind === 'group' ? groups.includes(value) : kind === 'user' && name === value;
}

async function deviceOf(db: Db, id: string): Promise<{ readonly groups: readonly string[]; readonly owner: string | undefined }> {
  const device = await db.selectFrom('devices').select('owner_person_id').where('id', '=', id).executeTakeFirst();
  const groups = await db.selectFrom('device_groups').select('group_name').where('device_id', '=', id).execute();
  return { groups: groups.map(({ group_name: name }) => name), owner: device?.owner_person_id ?? undefined };
}

async function managerOf(db: Db, personId: string): Promise<string | undefined> {
  const person = await db.selectFrom('persons').select('manager_id').where('id', '=', personId).executeTakeFirst();
  return person?.manager_id ?? undefined;
}

async function openAccounts(db: Db): Promise<readonly Account[]> {
  const rows = await db.selectFrom('accounts').leftJoin('persons', 'persons.id', 'accounts.person_id')
    .select(['accounts.id', 'accounts.name', 'accounts.person_id', 'accounts.groups', 'accounts.email', 'persons.email as person_email'])
    .where('accounts.disabled', '=', 0).where((eb) => eb.or([eb('accounts.email', 'is not', null), eb('persons.email', 'is not', null)])).execute();
  const bindings = await readAllBindings(db, rows.map(({ id }) => id));
  return rows.flatMap(({ id, name, person_id: personId, groups, email: own, person_email: persons }): Account[] => {
    const email = own ?? persons ?? '';
    return email === '' ? [] : [{ id, name, email, personId, groups: JSON.parse(groups) as string[], bindings: bindings.get(id) ?? [] }];
  });
}
