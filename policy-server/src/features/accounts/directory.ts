import type { OidcProvider } from '../../config/oidc.ts';
import type { Db } from '../../store/index.ts';
import { type AccountRow, newAccount } from './account-row.ts';
import { isAccountName } from './account-names.ts';
import type { RoleBinding } from './permissions.ts';
import { insertPerson, linkUser, type Recording, setPersonOf } from './persons.ts';
import { replaceRoles } from './roles.ts';

export type Claims = Readonly<Record<string, unknown>>;
/** What a provider says of somebody, read by its configuration. */
export type DirectoryEntry = {
  readonly issuer: string; readonly subject: string; readonly accountName: string; readonly name: string; readonly email: string | null;
  readonly groups: readonly string[]; readonly deviceUser: string | null;
};

const MAX_GROUPS = 1000;
const MAX_TEXT = 256;

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' && value.length <= MAX_TEXT && !/[\p{Cc}\p{Cs}]/u.test(value) ? value : undefined;
}

/** A nested claim is named with dots: `resource.roles`. */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name];
  return name.split('.').reduce<unknown>((at, key) => (typeof at === 'object' && at !== null && Object.hasOwn(at, key) ? (at as Record<string, unknown>)[key] : undefined), claims);
}

export function entryOf({ claims: names }: Pick<OidcProvider, 'claims'>, issuer: string, claims: Claims): DirectoryEntry | undefined {
  const subject = textOf(claims['sub']);
  if (subject === undefined) return undefined;
  const accountName = textOf(claimOf(claims, names.account)) ?? subject;
  const groups = claimOf(claims, names.groups);
  return {
    issuer, subject, accountName, name: textOf(claimOf(claims, names.name)) ?? accountName,
    // An address that the provider has not verified is somebody's claim, not the provider's.
    email: claims['email_verified'] === false ? null : (textOf(claimOf(claims, names.email)) ?? null),
    groups: [...new Set((Array.isArray(groups) ? groups : [groups]).map(textOf).filter((each) => each !== undefined))].toSorted().slice(0, MAX_GROUPS),
    deviceUser: names.deviceUser === undefined ? null : (textOf(claimOf(claims, names.deviceUser)) ?? null),
  };
}

/** Roles of a group that is no longer told are gone: this is all that the provider gives. */
export function rolesOf({ roles }: Pick<OidcProvider, 'roles'>, groups: readonly string[]): readonly RoleBinding[] {
  return roles.filter(({ group }) => groups.includes(group)).map(({ role, devices }) => ({ role, groups: devices }));
}

/** The account that this entry is, made or brought up to date. Undefined: there is none, and none is to be made. */
export async function accountFromDirectory(recording: Recording, provider: OidcProvider, entry: DirectoryEntry, now: number): Promise<AccountRow | undefined> {
  const { tx, record } = recording;
  const known = await knownAccount(tx, entry);
  const account = known ?? (provider.createAccounts ? await createAccount(recording, provider, entry, now) : undefined);
  if (account === undefined || account.disabled !== 0) return account;
  const groups = JSON.stringify(entry.groups);
  if (account.groups !== groups || account.email !== entry.email) {
    await tx.updateTable('accounts').set({ groups, email: entry.email }).where('id', '=', account.id).execute();
    if (account.groups !== groups) record({ type: 'account.directory', fields: { account: account.name, provider: provider.id, groups: entry.groups } });
  }
  await replaceRoles(recording, account, rolesOf(provider, entry.groups), `oidc:${provider.id}`);
  await linkPerson(recording, account, entry, now);
  return account;
}

async function knownAccount(tx: Db, { issuer, subject }: DirectoryEntry): Promise<AccountRow | undefined> {
  return tx.selectFrom('accounts').innerJoin('identities', 'identities.account_id', 'accounts.id').selectAll('accounts')
    .where('identities.issuer', '=', issuer).where('identities.subject', '=', subject).executeTakeFirst();
}

/** Never one that is there already: who is called alike is not the same for that. */
async function createAccount({ tx, record, by }: Recording, { id: provider }: OidcProvider, { accountName, issuer, subject }: DirectoryEntry, now: number): Promise<AccountRow> {
  // SECURITY(T-57): a name at the provider is somebody's choice there; here it opens no account of that name.
  const plain = isAccountName(accountName) ? accountName : subject;
  const candidates = [plain, `${plain}@${provider}`].filter(isAccountName);
  const taken = await tx.selectFrom('accounts').select('name').where('name', 'in', [...candidates, '']).execute();
  const account = newAccount({ name: '', passwordHash: '', createdAt: now });
  const name = candidates.find((each) => !taken.some((other) => other.name === each)) ?? `${provider}-${account.id.slice(0, 8)}`;
  await tx.insertInto('accounts').values({ ...account, name }).execute();
  await tx.insertInto('identities').values({ issuer, subject, account_id: account.id, created_at: now }).execute();
  record({ type: 'account.created', fields: { by, account: name, name } });
  return { ...account, name };
}

/** By the claim that names the user on devices. What an administrator has linked otherwise stays. */
async function linkPerson(recording: Recording, account: AccountRow, { deviceUser, name, email }: DirectoryEntry, now: number): Promise<void> {
  if (deviceUser === null) return;
  const { tx } = recording;
  const holder = await tx.selectFrom('person_users').select('person_id').where('user_name', '=', deviceUser).where('device_id', 'is', null).executeTakeFirst();
  const personId = account.person_id ?? holder?.person_id ?? await insertPerson(recording, { name, email, managerId: null }, now);
  if (holder === undefined) await linkUser(recording, personId, deviceUser, null);
  if (account.person_id === null) await setPersonOf(recording, account, personId);
}
