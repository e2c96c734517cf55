import type { PackageFact } from '@belay/core/policy';

/** `none`: no package has it. Undefined: it cannot be told now. */
export type PackageAnswer = PackageFact | 'none' | undefined;

/** One package database of the machine. Nothing here throws, waits or starts a process. */
export interface PackageManager {
  /** Whether there is such a database, readable or not. */
  isPresent(): boolean;
  /** Who owns the file at `path`, as the kernel resolved it below the root; its bytes are behind `fd`. */
  ownerOf(path: string, fd: number): PackageAnswer;
  /** Something that is kept in memory is no longer what the database says. */
  isStale(): boolean;
  /** Brings it up to date in small steps, off the path of requests. */
  refresh(signal: AbortSignal): Promise<void>;
  /** Folders in which every change of the database shows. */
  readonly watched: readonly string[];
}
