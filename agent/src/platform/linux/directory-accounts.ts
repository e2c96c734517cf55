import { readFileSync } from 'node:fs';
import type { Account, Accounts, Group } from '../platform.ts';
import type { KeptNames, NameService } from './name-service.ts';

const NSSWITCH = '/etc/nsswitch.conf';
/** Sources that say no more than passwd and group files do, or only of what runs on this machine now. */
const LOCAL_SOURCES: ReadonlySet<string> = new Set(['files', 'systemd', 'mymachines']);

/** Whether users or groups may come from elsewhere: LDAP, SSSD, winbind. See nsswitch.conf(5). */
export function usesDirectory(path: string = NSSWITCH): boolean {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch {
    return false;
  }
  const lines = text.split('\n').flatMap((line) => /^\s*(?:passwd|group|initgroups)\s*:([^#]*)/.exec(line)?.[1] ?? []);
  const sources = lines.flatMap((line) => line.replace(/\[[^\]]*\]/g, ' ').trim().split(/\s+/));
  return sources.some((source) => source !== '' && !LOCAL_SOURCES.has(source));
}

export type DirectoryAccounts = Accounts & { keep(names: KeptNames): void };

/**
 * The machine's own files first; whom they do not have, the name service may know, from memory. An account of a directory that would be
 * somebody of the machine's own by name or by number is neither: whose word counts must not depend on who answers first (T-01).
 */
export function withDirectory(local: Accounts, directory: NameService): DirectoryAccounts {
  const own = (account: Account | undefined): Account | undefined =>
    account === undefined || local.userById(account.uid) !== undefined || local.userByName(account.name) !== undefined ? undefined : account;
  const ownGroup = (group: Group | undefined): Group | undefined =>
    group === undefined || local.groupById(group.gid) !== undefined || local.groupByName(group.name) !== undefined ? undefined : group;
  return {
    userByName: (name) => local.userByName(name) ?? own(directory.userByName(name)),
    userById: (uid) => local.userById(uid) ?? own(directory.userById(uid)),
    groupByName: (name) => local.groupByName(name) ?? ownGroup(directory.groupByName(name)),
    groupById: (gid) => local.groupById(gid) ?? ownGroup(directory.groupById(gid)),
    groupsOf(account) {
      const known = local.groupsOf(account);
      if (local.userByName(account.name) !== undefined) return known;
      return [...new Set([...known, ...(directory.groupsOf(account) ?? [])])];
    },
    keep({ users, groups }) {
      // Of the machine's own nobody else is asked.
      directory.keep({ users: users.filter((name) => local.userByName(name) === undefined), groups: groups.filter((name) => local.groupByName(name) === undefined) });
    },
  };
}
