import type { Grant } from '@belay/core/evidence';
import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import type { Demand } from './demands.ts';
import { detailsOf, shown } from './filing.ts';
import { newId } from './ids.ts';
import type { GrantRow } from './grants.ts';
import type { Place } from './places.ts';
import type { RequestRow } from './telling.ts';

export type IssueDeps = Pick<ServerContext, 'keys' | 'clock' | 'config'>;
/** What those who said yes made of it. */
export type Narrowed = { readonly forMs: number | null; readonly uses: number | null; readonly exact: number };
export type Yes = { readonly names: readonly string[]; readonly words: string; readonly narrowed: readonly Narrowed[] };

/** A yes that is waited for is used at once, or not at all. */
const IN_PLACE_MS = 5 * 60_000;

/** The most that a request may be given: what was asked for, within what the server allows. */
export function mostOf(row: RequestRow, { longestGrant, usualGrant }: ServerContext['config']['requests']): { readonly forMs: number; readonly uses: number } {
  const { forMs, uses } = detailsOf(row.details);
  if (row.stance === 'waiting') return { forMs: IN_PLACE_MS, uses: 1 };
  return { forMs: Math.min(longestGrant, forMs === 0 ? usualGrant : forMs), uses };
}

type Binding = Pick<Grant, 'device' | 'request' | 'uid' | 'user' | 'digest' | 'scope' | 'session'>;

/** Signs what stands for the approvals of this request, bound to what it is about, never to more than was asked and agreed on. */
export async function issueGrant(deps: IssueDeps, tx: Db, row: RequestRow, yes: Yes): Promise<GrantRow> {
  const { scope } = detailsOf(row.details);
  const isExact = scope === null || yes.narrowed.some(({ exact }) => exact !== 0);
  // SECURITY(T-18): one device, one user, one request or its stated scope; the session of whoever waits. The device checks all of it.
  const binding: Binding = {
    device: row.device_id, request: row.number, uid: row.uid, user: row.user_name, ...(isExact ? { digest: row.digest } : { scope }), ...(row.session === null ? {} : { session: row.session }),
  };
  return seal(deps, tx, row, yes, binding);
}

/** The same for another device: for the requester's user there by name, as its numbers are its own. */
export async function issueElsewhere(deps: IssueDeps, tx: Db, row: RequestRow, yes: Yes, { device, user }: Place): Promise<GrantRow | undefined> {
  const { scope } = detailsOf(row.details);
  return scope === null ? undefined : seal(deps, tx, row, yes, { device, request: 0, user, scope });
}

async function seal({ keys, clock, config }: IssueDeps, tx: Db, row: RequestRow, yes: Yes, binding: Binding): Promise<GrantRow> {
  const now = clock();
  const most = mostOf(row, config.requests);
  const least = (limit: number, given: readonly (number | null)[]): number => Math.min(limit, ...given.filter((each) => each !== null));
  const shortened = yes.narrowed.some(({ forMs }) => forMs !== null);
  const until = now + least(most.forMs, yes.narrowed.map(({ forMs }) => forMs));
  const expiresAt = row.stance === 'waiting' && !shortened ? Math.max(row.expires_at, until) : until;
  const uses = least(most.uses, yes.narrowed.map((each) => each.uses));
  const id = newId('g');
  const payload: Grant = {
    server: keys.serverId, id, ...binding,
    met: (JSON.parse(row.demands) as Demand[]).map(({ text }) => text), uses, issuedAt: now, expiresAt, approvedBy: yes.names.slice(0, 64), message: yes.words, emergency: row.emergency !== 0,
  };
  const grant: GrantRow = {
    id, request_id: row.id, device_id: binding.device, user_name: binding.user, command: binding.scope === undefined ? row.command : scopeText(binding.scope),
    envelope: keys.seal('grant', payload), state: 'live', uses, spent: 0, issued_at: now, expires_at: expiresAt, ended_at: null, approved_by: JSON.stringify(yes.names), emergency: row.emergency,
  };
  await tx.insertInto('grants').values(grant).execute();
  return grant;
}

/** The commands of a scope, for people. */
export function scopeText({ commands }: NonNullable<Grant['scope']>): string {
  const text = commands.map(({ command, args }) => [...[command, ...(args ?? [])].map((each) => shown(Buffer.from(each))), ...(args === undefined ? ['(any arguments)'] : [])].join(' ')).join(' or ');
  return text.length <= 1000 ? text : `${text.slice(0, 999)}…`;
}
