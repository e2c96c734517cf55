import type { ByteString } from '../bytes.ts';

/**
 * What a device knows of the circumstances of a request. All of it is read from the kernel and from root's own files, never from the
 * caller. `undefined` is "unknown".
 */

/** The package that owns a file, by the package manager's own database. */
export type PackageFact = {
  readonly manager: 'deb' | 'rpm';
  readonly name: string;
  /** deb: `[epoch:]upstream[-revision]`; rpm: `[epoch:]version-release`. */
  readonly version: string;
  /** Repositories that offer this very version, `ORIGIN/SUITE` each; none: a local package. Always none for rpm. */
  readonly repositories: readonly string[];
  /** Fingerprints (hex, upper case) of the keys whose signature covers it: of those repositories (deb), of the package itself (rpm). */
  readonly signedBy: readonly string[];
  /** Whether the file on disk is what the package brought. */
  readonly unmodified: boolean | undefined;
};

/** A process above the request. */
export type LineageProcess = {
  /** Resolved path of what it runs, by the kernel. */
  readonly executable: ByteString;
  readonly device: bigint;
  readonly inode: bigint;
  readonly uid: number;
};

/**
 * The processes above the request, parent first, as the kernel has them now. An orphan is adopted by one of its own ancestors, so who is
 * in the list is an ancestor; who is not may be one that has ended.
 */
export type Lineage = {
  readonly processes: readonly LineageProcess[];
  /** Nobody above was adopted, as far as can be told: then who is not in the list is no ancestor, and the first one is the parent. */
  readonly whole: boolean;
};

/** How the person came onto the device. */
export type LoginOrigin = {
  /** `console`: a text terminal of the machine; `desktop`: a graphical session; `service`: nobody logged in. */
  readonly kind: 'console' | 'desktop' | 'ssh' | 'service';
  /** Of an SSH connection: the peer's address as text (IPv4 dotted; IPv6 as RFC 5952 writes it; IPv4-mapped as IPv4). */
  readonly sourceAddress: string | undefined;
};

/** How the device stands. Each is unknown where it cannot be told. */
export type Posture = {
  /** The root file system is on an encrypted block device. */
  readonly encrypted: boolean | undefined;
  readonly secureBoot: boolean | undefined;
  /** os-release(5): ID and VERSION_ID. */
  readonly osId: string | undefined;
  readonly osVersion: string | undefined;
  /** Whole days since packages were last installed or upgraded. */
  readonly patchAgeDays: number | undefined;
  readonly firewall: boolean | undefined;
  /** The agent records, and its journal has room. */
  readonly agentHealthy: boolean | undefined;
};

export const UNKNOWN_POSTURE: Posture = {
  encrypted: undefined, secureBoot: undefined, osId: undefined, osVersion: undefined, patchAgeDays: undefined, firewall: undefined, agentHealthy: undefined,
};
