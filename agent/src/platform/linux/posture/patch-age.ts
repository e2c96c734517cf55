import { readdir, stat } from 'node:fs/promises';

const DAY_MS = 86_400_000;
const DPKG_INFO = '/var/lib/dpkg/info';
/** In the order of rpm's own history: where its database is now, and was. */
const RPM_DATABASES = ['/usr/lib/sysimage/rpm', '/var/lib/rpm'] as const;
const RPM_FILES = ['rpmdb.sqlite', 'rpmdb.sqlite-wal', 'Packages.db', 'Packages'] as const;
const MAX_PACKAGES = 100_000;
const AT_A_TIME = 64;
/** A clock that is a little ahead of the stamp's. */
const AHEAD_MS = 60 * 60_000;

export interface PatchAge {
  /** Whole days. Undefined: no package manager that we know, or a stamp that lies in the future. */
  read(nowMs: number): Promise<number | undefined>;
}

/**
 * Days since packages were last installed or upgraded. dpkg: the newest of the lists of files that it writes when it unpacks a
 * package, which outlive logs and need no time zone. rpm: when its database last changed, so a removal counts as well. Read again only
 * when the folder has changed. `root`: where the machine's file system starts.
 */
export function createPatchAge(root: string = ''): PatchAge {
  let listed: { readonly stamp: number; readonly newest: number | undefined } | undefined;

  async function newestOfDpkg(): Promise<number | undefined> {
    const folder = `${root}${DPKG_INFO}`;
    const stamp = await changedAt(folder);
    if (stamp === undefined) return undefined;
    // Each list takes its place in the folder by being renamed.
    if (listed?.stamp !== stamp) listed = { stamp, newest: await newestList(folder) };
    return listed.newest;
  }

  return {
    async read(nowMs) {
      const stamps = await Promise.all([newestOfDpkg(), ...RPM_DATABASES.flatMap((folder) => RPM_FILES.map((file) => writtenAt(`${root}${folder}/${file}`)))]);
      const known = stamps.filter((stamp) => stamp !== undefined);
      const age = nowMs - Math.max(...known);
      return known.length === 0 || age < -AHEAD_MS ? undefined : Math.max(0, Math.floor(age / DAY_MS));
    },
  };
}

async function newestList(folder: string): Promise<number | undefined> {
  const lists = (await readdir(folder)).filter((name) => name.endsWith('.list'));
  if (lists.length > MAX_PACKAGES) return undefined;
  let newest: number | undefined;
  for (let at = 0; at < lists.length; at += AT_A_TIME) {
    const stamps = await Promise.all(lists.slice(at, at + AT_A_TIME).map((name) => writtenAt(`${folder}/${name}`)));
    newest = stamps.reduce((latest, stamp) => (stamp !== undefined && (latest === undefined || stamp > latest) ? stamp : latest), newest);
  }
  return newest;
}

/** Of an empty file (a database's log that has been worked off) nothing is known. */
async function writtenAt(path: string): Promise<number | undefined> {
  try {
    const { mtimeMs, size } = await stat(path);
    return size > 0 ? mtimeMs : undefined;
  } catch {
    return undefined;
  }
}

async function changedAt(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch {
    return undefined;
  }
}
