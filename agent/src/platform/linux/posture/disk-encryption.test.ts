import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readRootEncrypted, rootMount } from './disk-encryption.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'belay-disk-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

/** A block device as sysfs has it: its folder, its number, what it lies on. */
type Device = { readonly at: string; readonly number: string; readonly on?: readonly string[]; readonly uuid?: string; readonly partition?: true; readonly backing?: string };

function machine(mount: string, devices: readonly Device[]): Promise<boolean | undefined> {
  write('proc/self/mountinfo', `21 1 0:20 / /proc rw - proc proc rw\n${mount}\n30 22 0:25 / /run rw - tmpfs tmpfs rw\n`);
  mkdirSync(join(root, 'sys/dev/block'), { recursive: true });
  for (const { at, number, on, uuid, partition, backing } of devices) {
    write(`${at}/dev`, `${number}\n`);
    symlinkSync(join(root, at), join(root, 'sys/dev/block', number));
    if (uuid !== undefined) write(`${at}/dm/uuid`, `${uuid}\n`);
    if (partition === true) write(`${at}/partition`, '1\n');
    else mkdirSync(join(root, at, 'slaves'));
    if (backing !== undefined) write(`${at}/loop/backing_file`, `${backing}\n`);
    for (const below of on ?? []) symlinkSync(join(root, below), join(root, at, 'slaves', below.split('/').at(-1) as string));
  }
  return readRootEncrypted({ proc: join(root, 'proc'), sys: join(root, 'sys'), dev: root });
}

const virtual = 'sys/devices/virtual/block';
const sda: Device = { at: 'sys/devices/pci0/block/sda', number: '8:0' };
const sda2: Device = { at: 'sys/devices/pci0/block/sda/sda2', number: '8:2', partition: true };
const sdb: Device = { at: 'sys/devices/pci0/block/sdb', number: '8:16' };
const luks = (at: string, number: string, on: Device): Device => ({ at: `${virtual}/${at}`, number, on: [on.at], uuid: `CRYPT-LUKS2-0a1b-${at}` });
const volume = (number: string, on: readonly Device[], uuid: string = 'LVM-abc'): Device => ({ at: `${virtual}/dm-9`, number, on: on.map(({ at }) => at), uuid });
const ext4 = (number: string): string => `22 1 ${number} / / rw,relatime shared:1 - ext4 /dev/root rw`;
const [dm0, dm1] = [luks('dm-0', '253:0', sda2), luks('dm-1', '253:1', sdb)];

test.each<[string, string, readonly Device[], boolean | undefined]>([
  ['a plain disk', ext4('8:0'), [sda], false],
  ['a plain partition', ext4('8:2'), [sda, sda2], false],
  ['LUKS on a partition', ext4('253:0'), [sda, sda2, dm0], true],
  ['LVM on LUKS', ext4('253:9'), [sda, sda2, dm0, volume('253:9', [dm0])], true],
  ['LVM on two disks, one of them LUKS', ext4('253:9'), [sda, sda2, sdb, dm0, volume('253:9', [dm0, sdb])], false],
  ['LVM on two disks, both LUKS', ext4('253:9'), [sda, sda2, sdb, dm0, dm1, volume('253:9', [dm0, dm1])], true],
  ['LVM on nothing encrypted', ext4('253:9'), [sda, sda2, volume('253:9', [sda2])], false],
  ['a volume called as if it were', ext4('253:9'), [sda, sda2, volume('253:9', [sda2], 'LVM-CRYPT-LUKS2-x')], false],
  ['a verified disk that is not encrypted', ext4('253:9'), [sda, volume('253:9', [sda], 'CRYPT-VERITY-0a1b-root')], false],
  ['a verified disk that is encrypted', ext4('253:9'), [sda, sda2, dm0, volume('253:9', [dm0], 'CRYPT-VERITY-0a1b-root')], true],
  ['a file', ext4('7:0'), [{ at: `${virtual}/loop0`, number: '7:0', backing: '/root.img' }], undefined],
  ['a partition of a RAID of LUKS', ext4('259:1'), [sda, sda2, dm0, { at: `${virtual}/md0`, number: '9:0', on: [dm0.at] }, { at: `${virtual}/md0/md0p1`, number: '259:1', partition: true }], true],
  ['a device that sysfs does not know', ext4('8:7'), [sda], undefined],
  ['an overlay', '22 1 0:40 / / rw - overlay overlay rw,lowerdir=/l', [], undefined],
  ['ZFS', '22 1 0:41 / / rw - zfs rpool/ROOT rw', [], undefined],
  ['NFS', '22 1 0:42 / / rw - nfs4 server:/root rw', [], undefined],
  ['nothing that is told', '', [], undefined],
])('a root file system on %s', async (_name, mount, devices, expected) => {
  expect(await machine(mount, devices)).toBe(expected);
});

test('what lies on itself is unknown', async () => {
  const ring: Device = { at: `${virtual}/dm-9`, number: '253:9', on: [`${virtual}/dm-9`], uuid: 'LVM-x' };
  expect(await machine(ext4('253:9'), [ring])).toBeUndefined();
});

const btrfs = '22 1 0:30 /@ / rw - btrfs /dev/mapper/root rw,subvol=/@';

(process.getuid?.() === 0 ? test : test.skip).each<[string, readonly Device[], boolean]>([
  ['all of them LUKS', [dm0, dm1], true],
  ['one of them not', [dm0, sdb], false],
])('a btrfs on several devices, %s', async (_name, members, expected) => {
  mkdirSync(join(root, 'dev/mapper'), { recursive: true });
  expect(spawnSync('mknod', [join(root, 'dev/mapper/root'), 'b', '253', '0']).status).toBe(0);
  for (const { at } of members) {
    mkdirSync(join(root, 'sys/fs/btrfs/0a1b/devices'), { recursive: true });
    symlinkSync(join(root, at), join(root, 'sys/fs/btrfs/0a1b/devices', at.split('/').at(-1) as string));
  }
  mkdirSync(join(root, 'sys/fs/btrfs/features'), { recursive: true });
  expect(await machine(btrfs, [sda, sda2, sdb, dm0, dm1])).toBe(expected);
});

test('a btrfs that the kernel does not list is unknown', async () => {
  expect(await machine(btrfs, [sda, sda2, dm0])).toBeUndefined();
});

test('this machine is as lsblk(8) has it', async () => {
  const said = (file: string, ...args: readonly string[]): string => spawnSync(file, args, { encoding: 'utf8' }).stdout.trim();
  const source = said('findmnt', '-nvo', 'SOURCE', '/');
  const kinds = said('lsblk', '-snlo', 'TYPE', source).split('\n').map((kind) => kind.trim());
  const expected = kinds.includes('loop') || kinds.join('') === '' ? undefined : kinds.includes('crypt');
  expect(await readRootEncrypted()).toBe(expected);
});

test('the topmost mount on / counts, and no text makes it fail', () => {
  expect(rootMount('22 1 8:1 / / rw - ext4 /dev/a rw\n23 22 8:2 / / rw shared:1 master:2 - xfs /dev/b rw\n24 22 8:3 / /x rw - xfs /dev/c rw')).toEqual({ device: '8:2', type: 'xfs', source: '/dev/b' });
  fc.assert(fc.property(fc.array(fc.constantFrom('22', ' ', '/', ' - ', 'ext4', '8:1', '\n', '-')).map((parts) => parts.join('')), (text) => {
    expect(rootMount(text)?.device ?? '8:1').toMatch(/^[0-9]+:[0-9]+$/);
  }));
});
