import koffi from 'koffi';

/**
 * The few C library calls that Node has no door to. Numbers and layouts: linux/socket.h, asm-generic/unistd.h, fcntl.h, time.h.
 * Types are unnamed on purpose: koffi refuses a second definition of a named one.
 */
const library = koffi.load(null);
const getsockoptCall = library.func('int getsockopt(int, int, int, void *, void *)');
const syscallCall = library.func('long syscall(long, long, long, long, long, long, long)');
const memfdCreateCall = library.func('int memfd_create(const char *, unsigned int)');
const fcntlCall = library.func('int fcntl(int, int, long)');
const ioctlCall = library.func('int ioctl(int, unsigned long, void *)');
const mallocTrimCall = library.func('int malloc_trim(size_t)');
const clockGettimeCall = library.func('int clock_gettime(int, void *)');

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
  return Array.from({ length: lengthBuffer.readInt32LE(0) / 4 }, (_, index) => groupsBuffer.readUInt32LE(4 * index));
}

/** linux/pidfd.h: struct pidfd_info as of Linux 6.13; a newer kernel fills in what it knows of a smaller structure. */
const PIDFD_GET_INFO = 0xc040_ff0b;
const PIDFD_INFO_CREDS = 2n;
const infoBuffer = Buffer.alloc(64);

/** Real ids of the live process behind a handle; 'unsupported' on older kernels; undefined: it is gone. */
export function pidfdIdentity(pidfd: number): { readonly realUid: number; readonly realGid: number } | 'unsupported' | undefined {
  infoBuffer.writeBigUInt64LE(PIDFD_INFO_CREDS, 0);
  if (ioctlCall(pidfd, PIDFD_GET_INFO, infoBuffer) !== 0) return errno() === ESRCH ? undefined : 'unsupported';
  if ((infoBuffer.readBigUInt64LE(0) & PIDFD_INFO_CREDS) === 0n) return undefined;
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

/** CLOCK_BOOTTIME, ms. */
export function bootMs(): number {
  if (clockGettimeCall(CLOCK_BOOTTIME, timeBuffer) !== 0) throw new Error('CLOCK_BOOTTIME cannot be read');
  return Number(timeBuffer.readBigInt64LE(0)) * 1000 + Math.floor(Number(timeBuffer.readBigInt64LE(8)) / 1e6);
}
