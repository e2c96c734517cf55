import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { readText } from './read-text.ts';

export type DiskDeps = { /** The machine's own, or a test's. */ readonly proc: string; readonly sys: string; /** Where device nodes are looked for: `/` before `dev`. */ readonly dev: string };

const LINUX: DiskDeps = { proc: '/proc', sys: '/sys', dev: '' };
const MAX_LAYERS = 16;
/** cryptsetup's kinds of device-mapper volume that encrypt. Not its others: CRYPT-VERITY and CRYPT-INTEGRITY only vouch for content. */
const ENCRYPTED = /^CRYPT-(?:LUKS1|LUKS2|PLAIN|LOOPAES|TCRYPT|BITLK|FVAULT2)-/;
/** File systems that lie on the one block device their mount names. */
const ON_ONE_DEVICE: ReadonlySet<string> = new Set(['ext2', 'ext3', 'ext4', 'xfs', 'f2fs', 'jfs', 'nilfs2', 'erofs', 'squashfs']);

/**
 * Whether the root file system is on encrypted block devices, by device-mapper's own word, through LVM, RAID and partitions. Undefined:
 * it is on something else than block devices (overlay, network, ZFS, which encrypts by itself), on a file, or it cannot be told.
 */
export async function readRootEncrypted(deps: DiskDeps = LINUX): Promise<boolean | undefined> {
  const mount = rootMount((await readText(`${deps.proc}/self/mountinfo`)) ?? '');
  if (mount === undefined) return undefined;
  try {
    const folders = await devicesOf(mount, deps);
    return folders === undefined ? undefined : await every(folders.map((folder) => isEncrypted(folder, MAX_LAYERS)));
  } catch {
    return undefined;
  }
}

export type Mount = { readonly device: string; readonly type: string; readonly source: string };

/** What is mounted on `/`, topmost; see proc_pid_mountinfo(5). */
export function rootMount(mountinfo: string): Mount | undefined {
  let found: Mount | undefined;
  for (const line of mountinfo.split('\n')) {
    const [before, after] = line.split(' - ', 2);
    const [, , device, , target] = before?.split(' ') ?? [];
    const [type, source] = after?.split(' ') ?? [];
    if (target === '/' && device !== undefined && type !== undefined && source !== undefined && /^[0-9]+:[0-9]+$/.test(device)) found = { device, type, source };
  }
  return found;
}

/** Their folders in sysfs. */
async function devicesOf({ device, type, source }: Mount, { sys, dev }: DiskDeps): Promise<readonly string[] | undefined> {
  if (ON_ONE_DEVICE.has(type)) return [await realpath(`${sys}/dev/block/${device}`)];
  if (type !== 'btrfs') return undefined;
  // A btrfs has a device number of its own, and may be on several devices.
  const { rdev } = await stat(`${dev}${source}`);
  const own = basename(await realpath(`${sys}/dev/block/${(rdev >>> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >>> 12) & 0xfff00)}`));
  for (const id of await readdir(`${sys}/fs/btrfs`)) {
    const members = await readdir(`${sys}/fs/btrfs/${id}/devices`).catch((): string[] => []);
    if (members.includes(own)) return Promise.all(members.map((member) => realpath(`${sys}/fs/btrfs/${id}/devices/${member}`)));
  }
  return undefined;
}

async function isEncrypted(folder: string, layersLeft: number): Promise<boolean | undefined> {
  if (layersLeft === 0) return undefined;
  const uuid = await readText(`${folder}/dm/uuid`);
  if (uuid === undefined || ENCRYPTED.test(uuid)) return uuid === undefined ? undefined : true;
  // The whole of a partition's device is the folder above.
  if ((await readText(`${folder}/partition`)) !== '') return isEncrypted(dirname(folder), layersLeft - 1);
  if ((await readText(`${folder}/loop/backing_file`)) !== '') return undefined;
  const below = await readdir(`${folder}/slaves`);
  if (below.length === 0) return false;
  return every(below.map(async (name) => isEncrypted(await realpath(`${folder}/slaves/${name}`), layersLeft - 1)));
}

async function every(answers: readonly Promise<boolean | undefined>[]): Promise<boolean | undefined> {
  const all = await Promise.all(answers);
  return all.includes(false) ? false : all.includes(undefined) || all.length === 0 ? undefined : true;
}
