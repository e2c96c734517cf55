import koffi from 'koffi';
import type { ByteString } from '@belay/core/bytes';

const ASYNC_STACK_BYTES = 1024 * 1024;

/** A name service module runs on the stack of koffi's call, and those that ask a directory need more than its 128 KiB. */
function growAsyncStack(): void {
  if ((koffi.config().async_stack_size ?? 0) < ASYNC_STACK_BYTES) {
    try {
      koffi.config({ async_stack_size: ASYNC_STACK_BYTES });
    } catch {
      // A library is loaded already: in a test, by another copy of this module.
    }
  }
}

/**
 * The few C library calls that Node has no door to. Numbers and layouts: linux/socket.h, asm-generic/unistd.h, fcntl.h, time.h.
 * Types are unnamed on purpose: koffi refuses a second definition of a named one.
 */
growAsyncStack();
const library = koffi.load(null);

/** The C library, for those who keep calls of their own. */
export function loadLibrary(): typeof library {
  return library;
}

const getsockoptCall = library.func('int getsockopt(int, int, int, void *, void *)');
const syscallCall = library.func('long syscall(long, long, long, long, long, long, long)');
const memfdCreateCall = library.func('int memfd_create(const char *, unsigned int)');
const fcntlCall = library.func('int fcntl(int, int, long)');
const ioctlCall = library.func('int ioctl(int, unsigned long, void *)');
const mallocTrimCall = library.func('int malloc_trim(size_t)');
const clockGettimeCall = library.func('int clock_gettime(int, void *)');
const getpeernameCall = library.func('int getpeername(int, void *, void *)');
const statxCall = library.func('int statx(int, void *, int, unsigned int, void *)');
const openat2Call = library.func('long syscall(long, int, void *, void *, size_t)');
const closeCall = library.func('int close(int)');
const exitCall = library.func('void _exit(int)');
const socketCall = library.func('int socket(int, int, int)');
const setsockoptCall = library.func('int setsockopt(int, int, int, void *, unsigned int)');
const sendCall = library.func('long send(int, void *, size_t, int)');
const recvCall = library.func('long recv(int, void *, size_t, int)');

/** For files.ts and fixed-file.ts, which know what they take. */
export const fileCalls = {
  statx: statxCall,
  readlink: library.func('long readlink(void *, void *, size_t)'),
  statfs: library.func('int statfs(void *, void *)'),
  pread: library.func('long pread(int, void *, size_t, long)'),
  open: library.func('int open(void *, int)'),
  read: library.func('long read(int, void *, size_t)'),
  close: closeCall,
  pwrite: library.func('long pwrite(int, void *, size_t, long)'),
  syncFileRange: library.func('int sync_file_range(int, long, long, unsigned int)'),
  fdatasync: library.func('int fdatasync(int)'),
};

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERPIDFD = 77;
const SO_PEERGROUPS = 59;
const SYS_PIDFD_SEND_SIGNAL = 424;
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;
const CLOCK_BOOTTIME = 7;
const MFD_CLOEXEC = 1;
const MFD_ALLOW_SEALING = 2;
const MFD_EXEC = 0x10;
const ENOPROTOOPT = 92;
const ESRCH = 3;
const ERANGE = 34;
const F_ADD_SEALS = 1033;
const F_GET_SEALS = 1034;
/** F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE */
export const ALL_SEALS = 0xf;

const optionBuffer = Buffer.alloc(16);
const lengthBuffer = Buffer.alloc(4);
const timeBuffer = Buffer.alloc(16);

/** Undefined: failed, see `errno`. */
function socketOption(fd: number, option: number, length: number): Buffer | undefined {
  lengthBuffer.writeInt32LE(length, 0);
  return getsockoptCall(fd, SOL_SOCKET, option, optionBuffer, lengthBuffer) === 0 ? optionBuffer : undefined;
}

export function peerCredentials(fd: number): { pid: number; uid: number; gid: number } | undefined {
  const credentials = socketOption(fd, SO_PEERCRED, 12);
  if (credentials === undefined) return undefined;
  return { pid: credentials.readInt32LE(0), uid: credentials.readUInt32LE(4), gid: credentials.readUInt32LE(8) };
}

/** A handle of the very process that connected (Linux 6.5); 'unsupported' on older kernels; undefined: it is gone. */
export function peerPidfd(fd: number): number | 'unsupported' | undefined {
  const option = socketOption(fd, SO_PEERPIDFD, 4);
  if (option !== undefined) return option.readInt32LE(0);
  return errno() === ENOPROTOOPT ? 'unsupported' : undefined;
}

/** Gives what the C library's allocator holds and nobody uses back to the system. A millisecond. */
export function trimMemory(): void {
  mallocTrimCall(0);
}

const MANY_GROUPS = 65_536;
let groupsBuffer = Buffer.alloc(4 * 256);

/** Supplementary groups of who connected, as of then (Linux 4.13). Undefined: failed. */
export function peerGroups(fd: number): number[] | undefined {
  lengthBuffer.writeInt32LE(groupsBuffer.length, 0);
  if (getsockoptCall(fd, SOL_SOCKET, SO_PEERGROUPS, groupsBuffer, lengthBuffer) !== 0) {
    if (errno() !== ERANGE || groupsBuffer.length === 4 * MANY_GROUPS) return undefined;
    groupsBuffer = Buffer.alloc(4 * MANY_GROUPS);
    return peerGroups(fd);
  }
  const groups: number[] = [];
  for (let at = 0; at < lengthBuffer.readInt32LE(0); at += 4) groups.push(groupsBuffer.readUInt32LE(at));
  return groups;
}

/** linux/pidfd.h: struct pidfd_info as of Linux 6.13; a newer kernel fills in what it knows of a smaller structure. */
const PIDFD_GET_INFO = 0xc040_ff0b;
const PIDFD_INFO_CREDS = 2;
const infoBuffer = Buffer.alloc(64);

/** Real ids of the live process behind a handle; 'unsupported' on older kernels; undefined: it is gone. */
export function pidfdIdentity(pidfd: number): { readonly realUid: number; readonly realGid: number } | 'unsupported' | undefined {
  infoBuffer.writeUInt32LE(PIDFD_INFO_CREDS, 0);
  infoBuffer.writeUInt32LE(0, 4);
  if (ioctlCall(pidfd, PIDFD_GET_INFO, infoBuffer) !== 0) return errno() === ESRCH ? undefined : 'unsupported';
  if ((infoBuffer.readUInt32LE(0) & PIDFD_INFO_CREDS) === 0) return undefined;
  return { realUid: infoBuffer.readUInt32LE(28), realGid: infoBuffer.readUInt32LE(32) };
}

export function errno(): number {
  return koffi.errno();
}

export function pidfdOpen(pid: number): number {
  return Number(syscallCall(SYS_PIDFD_OPEN, pid, 0, 0, 0, 0, 0));
}

/** The process behind the handle has not been reaped, so its number is still its own. */
export function pidfdAlive(pidfd: number): boolean {
  return Number(syscallCall(SYS_PIDFD_SEND_SIGNAL, pidfd, 0, 0, 0, 0, 0)) === 0;
}

export function pidfdSignal(pidfd: number, signal: number): boolean {
  return Number(syscallCall(SYS_PIDFD_SEND_SIGNAL, pidfd, signal, 0, 0, 0, 0)) === 0;
}

/** A copy of the process's descriptor, close-on-exec; negative: failed. */
export function pidfdGetfd(pidfd: number, fd: number): number {
  return Number(syscallCall(SYS_PIDFD_GETFD, pidfd, fd, 0, 0, 0, 0));
}

const EINVAL = 22;

/** Executable and sealable. Kernels before 6.3 do not know MFD_EXEC and need no telling. */
export function memfdCreate(name: string): number {
  const fd = memfdCreateCall(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC) as number;
  return fd < 0 && errno() === EINVAL ? (memfdCreateCall(name, MFD_CLOEXEC | MFD_ALLOW_SEALING) as number) : fd;
}

export function addSeals(fd: number, seals: number): boolean {
  return fcntlCall(fd, F_ADD_SEALS, seals) === 0 && (fcntlCall(fd, F_GET_SEALS, 0) & seals) === seals;
}

const F_SETSIG = 10;
const F_SETLEASE = 1024;
const F_RDLCK = 0;
const F_UNLCK = 2;
/** Ignored where nobody asks for it; SIGIO, which a lease sends by itself, would end the process. */
const SIGURG = 23;

/**
 * Whether anybody has the file open or mapped for writing: then the kernel gives no lease for reading. 'unsupported': not to be told
 * on this file system, or of a file of somebody else's. `fd` is open for reading, and its description is nobody else's.
 */
export function hasWriters(fd: number): boolean | 'unsupported' {
  if (fcntlCall(fd, F_SETSIG, SIGURG) !== 0) return 'unsupported';
  if (fcntlCall(fd, F_SETLEASE, F_RDLCK) !== 0) return errno() === EAGAIN ? true : 'unsupported';
  fcntlCall(fd, F_SETLEASE, F_UNLCK);
  return false;
}

/**
 * Ends the process as it is. process.exit() waits for every thread, those too that wait for a directory which does not answer. What is
 * to be written or flushed must be so before.
 */
export function exitNow(code: number): void {
  exitCall(code);
}

/** CLOCK_BOOTTIME, ms. */
export function bootMs(): number {
  if (clockGettimeCall(CLOCK_BOOTTIME, timeBuffer) !== 0) throw new Error('CLOCK_BOOTTIME cannot be read');
  return (timeBuffer.readInt32LE(4) * 2 ** 32 + timeBuffer.readUInt32LE(0)) * 1000 + Math.floor(timeBuffer.readUInt32LE(8) / 1e6);
}

const addressBuffer = Buffer.alloc(128);

/** The other end of a connected socket, as sockaddr(3type) has it. Undefined: not connected, or no socket. */
export function socketPeerAddress(fd: number): Buffer | undefined {
  lengthBuffer.writeInt32LE(addressBuffer.length, 0);
  if (getpeernameCall(fd, addressBuffer, lengthBuffer) !== 0) return undefined;
  return Buffer.from(addressBuffer.subarray(0, Math.min(lengthBuffer.readInt32LE(0), addressBuffer.length)));
}

const AF_NETLINK = 16;
/** SOCK_RAW | SOCK_CLOEXEC */
const RAW_CLOEXEC = 0x80003;
const SO_RCVTIMEO = 20;
const SO_SNDTIMEO = 21;

/** A netlink socket that gives up waiting; negative: none to be had. The caller closes it. */
export function openNetlink(protocol: number, timeoutMs: number): number {
  const fd = socketCall(AF_NETLINK, RAW_CLOEXEC, protocol) as number;
  const timeout = Buffer.alloc(16);
  timeout.writeBigInt64LE(BigInt(Math.floor(timeoutMs / 1000)), 0);
  timeout.writeBigInt64LE(BigInt((timeoutMs % 1000) * 1000), 8);
  if (fd >= 0) for (const option of [SO_RCVTIMEO, SO_SNDTIMEO]) setsockoptCall(fd, SOL_SOCKET, option, timeout, timeout.length);
  return fd;
}

export function sendAll(fd: number, bytes: Buffer): boolean {
  return Number(sendCall(fd, bytes, bytes.length, 0)) === bytes.length;
}

/** recv(2) on a thread of its own: how many bytes are in `buffer`; 0 or less: failed, or out of time. */
export function receive(fd: number, buffer: Buffer): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  recvCall.async(fd, buffer, buffer.length, 0, (error: unknown, length: number) => resolve(error === null || error === undefined ? Number(length) : -1));
  return promise;
}

/** MSG_DONTWAIT, and MSG_NOSIGNAL where something is sent. */
const AT_ONCE = 0x40;
const AT_ONCE_UNSIGNALLED = 0x4040;
const waitingBuffer = Buffer.alloc(64 * 1024);

/** What has come on a socket by now, as much as is at hand; undefined: nothing, or no more comes. */
export function receiveWaiting(fd: number): Buffer | undefined {
  const length = Number(recvCall(fd, waitingBuffer, waitingBuffer.length, AT_ONCE));
  if (length <= 0) return undefined;
  const received = Buffer.from(waitingBuffer.subarray(0, length));
  // A reason or an environment may hold secrets.
  waitingBuffer.fill(0, 0, length);
  return received;
}

/** How many bytes a socket took without waiting. */
export function sendAtOnce(fd: number, bytes: Buffer): number {
  return Math.max(0, Number(sendCall(fd, bytes, bytes.length, AT_ONCE_UNSIGNALLED)));
}

export type FileIdentity = { readonly device: bigint; readonly inode: bigint; readonly uid: number; readonly mode: number };

const AT_FDCWD = -100;
const AT_EMPTY_PATH = 0x1000;
/** AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC: what the kernel has; no file server is asked. */
const STATX_AT_ONCE = 0x4800;
const STATX_BASIC_STATS = 0x7ff;
const SYS_OPENAT2 = 437;
/** O_PATH | O_CLOEXEC */
const PATH_ONLY = 0o12000000n;
const RESOLVE_CACHED = 0x20n;
const EAGAIN = 11;
const ENOSYS = 38;
const statxBuffer = Buffer.alloc(256);
const howBuffer = Buffer.alloc(24);
const noPath = Buffer.alloc(1);

/** What a link of /proc leads to, by what the kernel knows of it now: a file system of the user's own cannot keep the caller waiting. */
export function identifyLink(path: string): FileIdentity | undefined {
  return identify(AT_FDCWD, Buffer.from(`${path}\0`, 'latin1'), 0);
}

/** What a path names, if it can be told from the kernel's own memory; 'unsupported' before Linux 5.12. */
export function identifyCached(path: ByteString): FileIdentity | 'unsupported' | undefined {
  howBuffer.fill(0);
  howBuffer.writeBigUInt64LE(PATH_ONLY, 0);
  howBuffer.writeBigUInt64LE(RESOLVE_CACHED, 16);
  const name = Buffer.from(`${path}\0`, 'latin1');
  for (let tries = 3; tries > 0; tries--) {
    const fd = Number(openat2Call(SYS_OPENAT2, AT_FDCWD, name, howBuffer, howBuffer.length));
    if (fd >= 0) {
      const identity = identify(fd, noPath, AT_EMPTY_PATH);
      closeCall(fd);
      return identity;
    }
    if (errno() === ENOSYS || errno() === EINVAL) return 'unsupported';
    // Somebody renamed something meanwhile, or the kernel would have to ask.
    if (errno() !== EAGAIN) return undefined;
  }
  return undefined;
}

function identify(fd: number, path: Buffer, flags: number): FileIdentity | undefined {
  if (statxCall(fd, path, flags | STATX_AT_ONCE, STATX_BASIC_STATS, statxBuffer) !== 0) return undefined;
  return {
    device: deviceNumber(statxBuffer.readUInt32LE(136), statxBuffer.readUInt32LE(140)),
    inode: statxBuffer.readBigUInt64LE(32),
    uid: statxBuffer.readUInt32LE(20),
    mode: statxBuffer.readUInt16LE(28),
  };
}

/** As stat(2) packs it; see makedev(3). */
function deviceNumber(major: number, minor: number): bigint {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return ((high & 0xfffff000n) << 32n) | ((high & 0xfffn) << 8n) | ((low & 0xffffff00n) << 12n) | (low & 0xffn);
}
