import { type ByteString, isAscii } from '@belay/core/bytes';
import type { RunAs } from '@belay/core/request';
import { err, ok, type Result } from '@belay/core/result';
import type { Account, Accounts, Actor, Group } from '../platform/platform.ts';

/** Whom it runs as, and that account. */
export type Target = { readonly runAs: RunAs; readonly account: Account };

/** (uid_t)-1 means "do not change" to setuid(2): it must never come out of a parser. */
const MAX_ID = 4_294_967_294;

/**
 * -u and -g. A name is looked up exactly as typed; `#` begins a decimal id. Without -u it is root, or with -g alone the
 * requester, as in sudo. Errors: a sentence for the requester.
 */
export function readRunAs(user: ByteString | undefined, group: ByteString | undefined, actor: Actor, accounts: Accounts): Result<Target, string> {
  const account = user === undefined ? accounts.userById(group === undefined ? 0 : actor.realUid) : findUser(user, accounts);
  // SECURITY(T-01): whatever is not exactly an account is refused; nothing falls back to root.
  if (account === undefined) return err('there is no such user to run as, or you may not');
  const primary = group === undefined ? accounts.groupById(account.gid) : findGroup(group, accounts);
  if (group !== undefined && primary === undefined) return err('there is no such group to run as, or you may not');
  const gid = group === undefined ? account.gid : (primary as Group).gid;
  const own = accounts.groupsOf(account);
  return ok({
    account,
    runAs: { uid: account.uid, gid, groups: own.includes(gid) ? own : [gid, ...own], userName: account.name, groupName: primary?.name },
  });
}

export function findUser(typed: ByteString, accounts: Accounts): Account | undefined {
  if (!typed.startsWith('#')) return isName(typed) ? accounts.userByName(typed) : undefined;
  const id = readId(typed);
  return id === undefined ? undefined : accounts.userById(id);
}

function findGroup(typed: ByteString, accounts: Accounts): Group | undefined {
  if (!typed.startsWith('#')) return isName(typed) ? accounts.groupByName(typed) : undefined;
  const id = readId(typed);
  return id === undefined ? undefined : accounts.groupById(id);
}

/** ASCII alone: no account has a name that only looks like another's. */
function isName(typed: ByteString): boolean {
  return typed !== '' && isAscii(typed) && !/[\s:/,#]/.test(typed);
}

/** `#` and a plain decimal number: no sign, no leading zero, no hexadecimal, no overflow. */
function readId(typed: ByteString): number | undefined {
  if (!/^#(0|[1-9][0-9]{0,9})$/.test(typed)) return undefined;
  const id = Number(typed.slice(1));
  return id <= MAX_ID ? id : undefined;
}
