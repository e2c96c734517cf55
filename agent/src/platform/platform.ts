import type { ByteString } from '@belay/core/bytes';
import type { Lineage, LoginOrigin, PackageFact, Posture } from '@belay/core/policy';
import type { Executable, LoginSession } from '@belay/core/request';
import type { Result } from '@belay/core/result';

/**
 * Who is on the other end of a local socket, read once from the kernel at accept and passed on as it is. `close` releases
 * the process handle.
 */
export type Actor = {
  readonly pid: number;
  /** Real uid: the person. In a sudo process this is not 0 while `effectiveUid` is. */
  readonly realUid: number;
  readonly realGid: number;
  /** The process's own group vector, `realGid` included. */
  readonly groups: readonly number[];
  /** Effective uid at connect: decides the level. */
  readonly effectiveUid: number;
  readonly loginSession: LoginSession;
};

export interface Peer {
  readonly actor: Actor;
  /** A copy of the peer's descriptor `number`, close-on-exec; the caller closes it. */
  takeDescriptor(number: number): Result<number, string>;
  /** Where the peer is now, by the kernel; undefined: gone, or not to be told. */
  workingDirectory(): ByteString | undefined;
  /** The processes above it, by the kernel, read now. Undefined: not to be told. */
  lineage(): Lineage | undefined;
  /** How the person behind it came onto the device. Undefined: not to be told. */
  origin(): LoginOrigin | undefined;
  close(): void;
}

export type FileState = { readonly device: bigint; readonly inode: bigint; readonly uid: number; readonly gid: number; readonly mode: number; readonly size: number; /** When it was last changed in any way. */ readonly changedNs: bigint };

/** An open file of which it is known whether nobody but root can change it; see `Executable.rootOnly`. */
export type OpenedFile = { readonly fd: number; readonly rootOnly: boolean };

/** SHA-256 (hex) of files that nobody but root can write; of any other, nothing. */
export interface Hashes {
  /** At once, where it is known. */
  known(file: OpenedFile): string | undefined;
  /** Off the event loop. The caller may close its descriptor at once. Undefined: it cannot be told, or was aborted. */
  of(file: OpenedFile, signal: AbortSignal): Promise<string | undefined>;
}

/** What decisions will ask for, so that it is read ahead and kept up to date. */
export type Ahead = { readonly packages: boolean; readonly posture: boolean };

/** An executable behind a descriptor of ours. */
export type Inspected = { readonly executable: Executable; readonly file: FileState };

/** Sealed bytes in memory, opened for reading only, and their SHA-256 (hex). */
export type SealedCopy = { readonly fd: number; readonly sha256: string; readonly size: number };

export type Account = { readonly name: string; readonly uid: number; readonly gid: number; readonly home: ByteString; readonly shell: ByteString };
export type Group = { readonly name: string; readonly gid: number; readonly members: readonly string[] };

/** Users and groups: the machine's own, and a directory's as last heard of. Never blocks on a name service. */
export interface Accounts {
  userByName(name: string): Account | undefined;
  userById(uid: number): Account | undefined;
  groupByName(name: string): Group | undefined;
  groupById(gid: number): Group | undefined;
  /** The account's primary group and every group that lists it. */
  groupsOf(account: Account): readonly number[];
}

/** One process and no other: its number and when it was started, in clock ticks since boot. */
export type ProcessId = { readonly pid: number; readonly startTicks: number };

/** How to end what runs. `spared`: whom to leave until last, as it tells how the rest ended: the first process itself, or the keeper beside it. */
export type EndingOptions = { readonly graceMs: number; readonly spared: 'root' | 'keeper'; pause(ms: number): Promise<void> };

export interface Processes {
  /** Undefined: there is none. */
  identify(pid: number): ProcessId | undefined;
  isAlive(process: ProcessId): boolean;
  /** It and all that descends from it: asked to end, and killed after `graceMs`. Answers how many there were. */
  end(process: ProcessId, options: EndingOptions): Promise<number>;
  /** A line on its terminal, if it has one. Inert already. */
  tell(process: ProcessId, line: string): void;
}

export interface Clock {
  /** Unix time, ms. */
  now(): number;
  /** CLOCK_BOOTTIME, ms: goes on while suspended and cannot be set. */
  boot(): number;
  readonly bootId: string;
  utcOffsetMinutes(): number;
}

/** A file whose blocks are all its own from the start: a write in it finds no disk full, and waits for nothing that others write. */
export interface FixedFile {
  /** All of it, as it was when it was opened. */
  readonly contents: Buffer;
  /** Begins to write. Throws: the disk refuses. */
  begin(at: number, bytes: Uint8Array): void;
  /** Returns once everything begun is on the disk. Throws: it may not be there. */
  sync(): void;
  close(): void;
}

/** Everything belayd asks of the operating system. What returns no promise answers at once, from memory where it must. */
export interface Platform {
  readonly clock: Clock;
  readonly accounts: Accounts;
  readonly processes: Processes;
  /** Errors: a sentence for the log. The caller refuses the connection. */
  peerOf(socketFd: number): Result<Peer, string>;
  /** What has come on a socket by now; undefined: nothing. */
  receiveWaiting(socketFd: number): Buffer | undefined;
  /** How many bytes a socket took without waiting. */
  sendAtOnce(socketFd: number, bytes: Buffer): number;
  /** What `fd` is. Errors: a sentence for the log; the caller denies. */
  inspect(fd: number, typed: ByteString): Result<Inspected, string>;
  fileState(fd: number): FileState;
  /** The file a path names now, links followed; undefined when there is none. */
  objectOf(path: ByteString): { readonly resolved: ByteString; readonly device: bigint; readonly inode: bigint } | undefined;
  /** The folder a path leads to, if anybody may enter it and only root can make the path lead elsewhere. */
  openRootFolder(path: ByteString): ByteString | undefined;
  /** Copies the bytes behind `fd` into a sealed memfd and hashes them there. */
  seal(fd: number, maxBytes: number, signal: AbortSignal): Promise<Result<SealedCopy, string>>;
  readonly hashes: Hashes;
  /** Who owns the file behind `fd`, which the kernel says is at `path`, by the package databases. `none`: no package; undefined: not to be told now. */
  ownerOf(file: OpenedFile & { readonly path: ByteString }): PackageFact | 'none' | undefined;
  /** As last read; unknown before `readAhead`, and what is old. */
  posture(): Omit<Posture, 'agentHealthy'>;
  /** The users and groups that policy names: known before anybody asks, and kept fresh. */
  keepNames(names: { readonly users: readonly string[]; readonly groups: readonly string[] }): void;
  /** From now on. Resolves when it has been read once; never rejects. */
  readAhead(wanted: Ahead): Promise<void>;
  closeDescriptor(fd: number): void;
  /** Tells that one of these files has been opened, as starting a program does; not more than once in some milliseconds, and anybody may bring it about. */
  whenOpened(files: readonly string[], told: () => void): { close(): void };
  /** Made where there is none, for root alone, of `size` bytes. Throws: it cannot be had. */
  openFixedFile(path: string, size: number): FixedFile;
  /** Whether there are processors enough for all that runs at this moment. */
  hasSpareProcessor(): boolean;
  /** Gives unused memory back to the system; for quiet moments. */
  trimMemory(): void;
  /** Ends what is read ahead. */
  close(): void;
}
