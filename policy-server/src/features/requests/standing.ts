import type { Db } from '../../store/index.ts';
import { type Person, personOfUser } from '../accounts/people.ts';
import { may, reaches, type RoleBinding, ROLES } from '../accounts/permissions.ts';
import type { Principal } from '../accounts/principal.ts';
import { type Demand, fromOf, type Progress, progressOf } from './demands.ts';
import { type Elsewhere, readElsewhere } from './places.ts';
import type { RequestRow } from './telling.ts';

/** Whoever may answer: what of a principal counts. */
export type Answerer = Pick<Principal, 'kind' | 'accountId' | 'personId' | 'name' | 'bindings' | 'groups'>;

/** All that decides who may answer one request. */
export type Case = {
  readonly row: RequestRow;
  readonly demands: readonly Demand[];
  readonly escalated: readonly number[];
  readonly deviceGroups: readonly string[];
  readonly deviceOwner: string | null;
  /** Other devices that it is for as well. */
  readonly elsewhere: readonly Elsewhere[];
  /** Whose user asked; undefined: nobody said. */
  readonly requester: Person | undefined;
  /** Accounts of people who may not answer as they have just changed the rule that asks, with the policy's name. */
  readonly ruleAuthors: ReadonlyMap<string, string>;
  /** The same for any policy, where it is for other devices: which rule will ask there, nobody knows here. */
  readonly policyAuthors: ReadonlyMap<string, string>;
  readonly decisions: readonly { readonly holder: string; readonly account_id: string; readonly name: string; readonly decision: string; readonly stage: number; readonly fits: string }[];
};

export type Why = 'own-request' | 'own-device' | 'own-rule' | 'not-approver' | 'twice' | 'not-pending';
/** `fits`: the demands, by place, that a yes would count for. */
export type Standing = { readonly fits: readonly number[] } | { readonly why: Why; readonly words: string };

const no = (why: Why, words: string): Standing => ({ why, words });

/** A person counts once, whatever accounts they have; an account that is nobody's counts for itself. */
export function holderOf({ personId, accountId }: Answerer): string {
  return personId === undefined ? `account:${accountId ?? ''}` : `person:${personId}`;
}

/**
 * Whether this one may answer with yes, or (`to` deny) with no, as far as who they are decides it.
 * SECURITY(T-31): not to one's own request, by whatever account; not on one's own machine while nobody knows whose request it is; not
 * under a rule that the requester has just written.
 */
export function standingOf(who: Answerer, asked: Case, to: 'approve' | 'deny' = 'approve'): Standing {
  if (who.kind !== 'session' || who.accountId === undefined) return no('not-approver', 'Only people answer requests: a token is nobody.');
  const own = ownership(who, asked, to);
  if (own !== undefined) return own;
  if (!may(who.bindings, 'requests.answer', asked.deviceGroups)) return no('not-approver', 'Your roles do not let you answer requests of this device.');
  const holder = holderOf(who);
  const earlier = asked.decisions.find((each) => each.holder === holder || each.account_id === who.accountId);
  if (earlier !== undefined) return no('twice', `You have answered this request already (${earlier.decision}): each person counts once.`);
  const progress = caseProgress(asked);
  const fits = to === 'deny' ? asked.demands.flatMap((_, at) => (isNamed(who, asked, at) ? [at] : [])) : progress.open.filter((at) => isNamed(who, asked, at));
  if (fits.length > 0) return { fits };
  return no('not-approver', asked.demands.some((_, at) => isNamed(who, asked, at)) ? 'You are asked at another stage of this request.' : 'The rule that asks does not name you.');
}

/** Undefined: it is not theirs. */
function ownership(who: Answerer, { row, requester, deviceOwner, ruleAuthors }: Case, to: 'approve' | 'deny'): Standing | undefined {
  if (requester !== undefined && requester.id === who.personId) return no('own-request', 'This is your own request.');
  if (requester === undefined && who.name === row.user_name) return no('own-request', `"${row.user_name}" is linked to no person, and may be you: have an administrator link that user.`);
  if (requester === undefined && deviceOwner !== null && deviceOwner === who.personId) {
    return no('own-device', 'This is your device, and whoever asked is linked to no person: have an administrator link that user.');
  }
  const policy = requester === undefined || to === 'deny' ? undefined : ruleAuthors.get(requester.id);
  return policy === undefined ? undefined : no('own-rule', `Whoever asks has changed the policy "${policy}", which asks, within the last 7 days: such a request is not approved.`);
}

function isNamed(who: Answerer, asked: Case, at: number): boolean {
  const { demand } = asked.demands[at] as Demand;
  return fromOf(demand, asked.escalated.includes(at)).some((subject) => isSubject(who, asked, subject));
}

function isSubject({ bindings, groups, name, personId }: Answerer, { deviceGroups, requester }: Case, subject: string): boolean {
  if (subject === 'manager') return personId !== undefined && requester !== undefined && requester.managerId === personId;
  const at = subject.indexOf(':');
  const [kind, named] = [subject.slice(0, at), subject.slice(at + 1)];
  if (kind === 'role') return holdsRole(bindings, named, deviceGroups);
  if (kind === 'group') return groups.includes(named);
  return kind === 'user' && name === named;
}

function holdsRole(bindings: readonly RoleBinding[], named: string, deviceGroups: readonly string[]): boolean {
  return ROLES.some((role) => role === named) && bindings.some(({ role, groups }) => role === named && reaches(groups, deviceGroups));
}

export function caseProgress({ demands, decisions }: Pick<Case, 'demands' | 'decisions'>): Progress {
  return progressOf(demands, decisions.filter(({ decision }) => decision === 'approved').map(({ fits }) => JSON.parse(fits) as number[]));
}

export async function readCase(db: Db, row: RequestRow, now: number): Promise<Case> {
  return (await readCases(db, [row], now))[0] as Case;
}

/** In the order of the rows. */
export async function readCases(db: Db, rows: readonly RequestRow[], now: number): Promise<readonly Case[]> {
  if (rows.length === 0) return [];
  const devices = [...new Set(rows.map(({ device_id: device }) => device))];
  const owners = new Map((await db.selectFrom('devices').select(['id', 'owner_person_id']).where('id', 'in', devices).execute()).map((each) => [each.id, each.owner_person_id]));
  const groups = Map.groupBy(await db.selectFrom('device_groups').selectAll().where('device_id', 'in', devices).execute(), ({ device_id: device }) => device);
  const columns = ['request_id', 'holder', 'account_id', 'name', 'decision', 'stage', 'fits'] as const;
  const decisions = Map.groupBy(await db.selectFrom('request_decisions').select(columns).where('request_id', 'in', rows.map(({ id }) => id)).orderBy('at').execute(), ({ request_id: request }) => request);
  const elsewhere = await readElsewhere(db, rows.map(({ id }) => id));
  const people = cached((device: string, user: string) => personOfUser(db, device, user));
  const authors = cached((rules: string, _none: string) => recentAuthors(db, policiesIn(JSON.parse(rules) as string[]), now));
  const anyAuthors = elsewhere.size === 0 ? new Map<string, string>() : await recentAuthors(db, 'any', now);
  const cases: Case[] = [];
  for (const row of rows) {
    cases.push({
      row, demands: JSON.parse(row.demands) as readonly Demand[], escalated: JSON.parse(row.escalated) as number[],
      deviceGroups: (groups.get(row.device_id) ?? []).map(({ group_name: name }) => name), deviceOwner: owners.get(row.device_id) ?? null, elsewhere: elsewhere.get(row.id) ?? [],
      requester: await people(row.device_id, row.user_name), ruleAuthors: await authors(row.rules, ''), policyAuthors: anyAuthors, decisions: decisions.get(row.id) ?? [],
    });
  }
  return cases;
}

function cached<T>(read: (first: string, second: string) => Promise<T>): (first: string, second: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (first, second) => {
    const key = JSON.stringify([first, second]);
    const found = known.get(key) ?? read(first, second);
    known.set(key, found);
    return found;
  };
}

function policiesIn(rules: readonly string[]): readonly string[] {
  return [...new Set(rules.map((rule) => rule.slice(0, rule.indexOf('/'))))];
}

const RECENT_MS = 7 * 86_400_000;

/**
 * The people who changed, within the last seven days, one of these policies, with its name: its compiled content, so that
 * a change of a set or of defaults that it builds on counts too.
 */
async function recentAuthors(db: Db, of: readonly string[] | 'any', now: number): Promise<ReadonlyMap<string, string>> {
  if (of.length === 0) return new Map();
  const recent = await db.selectFrom('policy_versions').select(['version', 'created_by']).where('created_at', '>', now - RECENT_MS).orderBy('version').execute();
  const first = recent[0];
  if (first === undefined) return new Map();
  const held = await db.selectFrom('policies').select(['version', 'name', 'digest']).$if(of !== 'any', (query) => query.where('name', 'in', of as readonly string[])).where('version', '>=', first.version - 1).orderBy('version').execute();
  const policies = [...new Set(held.map(({ name }) => name))];
  const changed = new Map<string, string>();
  for (const { version, created_by: author } of recent) {
    for (const policy of policies) {
      const [before, after] = [version - 1, version].map((each) => held.find((row) => row.version === each && row.name === policy)?.digest);
      if (after !== undefined && (before === undefined || !Buffer.from(before).equals(after))) changed.set(author, policy);
    }
  }
  if (changed.size === 0) return new Map();
  const accounts = await db.selectFrom('accounts').select(['name', 'person_id']).where('name', 'in', [...changed.keys()]).where('person_id', 'is not', null).execute();
  return new Map(accounts.map(({ name, person_id: person }) => [person as string, changed.get(name) as string]));
}

