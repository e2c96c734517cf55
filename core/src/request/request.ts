import type { ByteString } from '../bytes.ts';

/** Which front end brought the request (design.md, principle 5). */
export type Door = 'sudo' | 'run' | 'polkit' | 'tray';

/** Who asks, as the kernel says. `name` and `groupNames` come from the device's name service, resolved off the path. */
export type Requester = {
  readonly uid: number;
  readonly gid: number;
  /** The process's own group vector, `gid` included. */
  readonly groups: readonly number[];
  /** Undefined: this uid has no name. */
  readonly name: string | undefined;
};

/** Terminal or seat, session id, start time: what a re-authentication or a waited-for yes is bound to. */
export type LoginSession = {
  readonly sessionId: number;
  /** Start of the session leader, clock ticks since boot (proc(5), field 22); 0 when the leader is gone. */
  readonly leaderStart: number;
  /** Device number of the controlling terminal; 0: none. */
  readonly terminal: number;
};

/** The very file that will run, read from its descriptor. */
export type Executable = {
  /** Absolute path that was opened: links not resolved. */
  readonly typed: ByteString;
  /** Every symbolic link on the way from `typed` to `resolved`, as paths; empty when there is none. */
  readonly links: readonly ByteString[];
  /** Where the descriptor points, by the kernel. */
  readonly resolved: ByteString;
  readonly device: bigint;
  readonly inode: bigint;
  /** Only root can write it, its parent folders, its `#!` interpreter and theirs (rule of unsafe files). */
  readonly rootOnly: boolean;
  /** It begins with `#!`. */
  readonly script: boolean;
};

export type RunAs = {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  /** Undefined: a uid without a name. */
  readonly userName: string | undefined;
  readonly groupName: string | undefined;
};

/** One privileged act that somebody asks for. Nothing in it is the caller's word but `args`, `cwd` and `env`, which are what will be used. */
export type ElevationRequest = {
  readonly door: Door;
  readonly deviceId: string;
  readonly requester: Requester;
  readonly loginSession: LoginSession;
  readonly executable: Executable;
  /** Arguments after argv[0]. */
  readonly args: readonly ByteString[];
  readonly cwd: ByteString;
  /** What is kept or set for the command, NAME=value, sorted. */
  readonly env: readonly ByteString[];
  readonly runAs: RunAs;
};
