import type { BigIntStats } from 'node:fs';
import type { ByteString } from '@belay/core/bytes';
import { errno, fileCalls } from './libc.ts';

/**
 * The few looks at files that every elevation takes, straight through the C library: Node's own ways to them are a good deal of code
 * that nothing else has brought into the processor's caches by then. Layouts: linux/stat.h, asm-generic/statfs.h; numbers: linux/fcntl.h.
 */
export type FileStatus = Pick<BigIntStats, 'dev' | 'ino' | 'mode' | 'uid' | 'gid' | 'size' | 'ctimeNs'>;

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const STATX_BASIC_STATS = 0x7ff;
const O_CLOEXEC = 0o2000000;
const LONGEST_PATH = 4096;

const pathBuffer = Buffer.alloc(LONGEST_PATH + 1);
const statusBuffer = Buffer.alloc(256);
const linkBuffer = Buffer.alloc(LONGEST_PATH + 1);
const systemBuffer = Buffer.alloc(256);

/** A ByteString's very bytes, as C wants them. Throws where no path can be so long, or where it would be cut. */
function pathOf(path: string): Buffer {
  if (path.length > LONGEST_PATH || path.includes('\0')) throw new Error('no path');
  pathBuffer[pathBuffer.write(path, 0, 'latin1')] = 0;
  return pathBuffer;
}

function failed(call: string): Error {
  return new Error(`${call}: errno ${errno()}`);
}

/** Of the path itself, should it be a link. Throws: there is nothing. */
export function statusAt(path: string): FileStatus {
  return status(AT_FDCWD, pathOf(path), AT_SYMLINK_NOFOLLOW);
}

export function statusOf(fd: number): FileStatus {
  return status(fd, pathOf(''), AT_EMPTY_PATH);
}

function status(fd: number, path: Buffer, flags: number): FileStatus {
  if (fileCalls.statx(fd, path, flags, STATX_BASIC_STATS, statusBuffer) !== 0) throw failed('statx');
  const it = statusBuffer;
  return {
    dev: deviceNumber(it.readUInt32LE(136), it.readUInt32LE(140)),
    ino: it.readBigUInt64LE(32),
    mode: BigInt(it.readUInt16LE(28)),
    uid: BigInt(it.readUInt32LE(20)),
    gid: BigInt(it.readUInt32LE(24)),
    size: it.readBigUInt64LE(40),
    ctimeNs: it.readBigInt64LE(96) * 1_000_000_000n + BigInt(it.readUInt32LE(104)),
  };
}

/** As stat(2) packs it; see makedev(3). */
function deviceNumber(major: number, minor: number): bigint {
  if (major < 0x1000 && minor < 0x100) return BigInt(major * 0x100 + minor);
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
}

/** Where a link leads. Throws: it is none. */
export function linkOf(path: string): ByteString {
  const length = Number(fileCalls.readlink(pathOf(path), linkBuffer, linkBuffer.length));
  if (length < 0 || length >= linkBuffer.length) throw failed('readlink');
  return linkBuffer.toString('latin1', 0, length) as ByteString;
}

/** Its magic number; see statfs(2). Throws: it cannot be told. */
export function fileSystemAt(path: string): number {
  if (fileCalls.statfs(pathOf(path), systemBuffer) !== 0) throw failed('statfs');
  return systemBuffer.readUInt32LE(0);
}

/** How many bytes of the start of a file are in `into`. */
export function readStart(fd: number, into: Buffer): number {
  const length = Number(fileCalls.pread(fd, into, into.length, 0));
  if (length < 0) throw failed('pread');
  return length;
}

/** For reading, close-on-exec; negative: not to be had. Whoever opens it closes it with `closeFile`. */
export function openFile(path: string): number {
  return Number(fileCalls.open(pathOf(path), O_CLOEXEC));
}

/** One read(2); negative: failed. */
export function readFile(fd: number, into: Buffer): number {
  return Number(fileCalls.read(fd, into, into.length));
}

export function closeFile(fd: number): void {
  fileCalls.close(fd);
}
