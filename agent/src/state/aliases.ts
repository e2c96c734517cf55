import type { ByteString } from '@belay/core/bytes';

type ObjectOf = (path: ByteString) => { readonly device: bigint; readonly inode: bigint } | undefined;

/** Which rule paths name which inode: a deny holds by the inode too, whatever the file is called. */
export interface Aliases {
  pathsOf(device: bigint, inode: bigint): readonly ByteString[];
  /** Reads every path at once: for a new policy, before it decides. */
  load(paths: readonly ByteString[]): void;
  close(): void;
}

const REFRESH_MS = 30_000;
const AT_ONCE = 100;
const NONE: readonly ByteString[] = [];

type Index = Map<string, ByteString[]>;

export function createAliases(objectOf: ObjectOf): Aliases {
  let paths: readonly ByteString[] = NONE;
  let index: Index = new Map();
  let generation = 0;
  const timer = setInterval(() => refresh(generation, 0, new Map()), REFRESH_MS);
  timer.unref();

  function refresh(mine: number, from: number, next: Index): void {
    if (mine !== generation) return;
    fill(next, paths.slice(from, from + AT_ONCE), objectOf);
    if (from + AT_ONCE >= paths.length) index = next;
    else setImmediate(() => refresh(mine, from + AT_ONCE, next));
  }

  return {
    pathsOf: (device, inode) => index.get(`${device}:${inode}`) ?? NONE,
    load(wanted) {
      generation++;
      paths = wanted;
      index = new Map();
      fill(index, paths, objectOf);
    },
    close: () => clearInterval(timer),
  };
}

function fill(index: Index, paths: readonly ByteString[], objectOf: ObjectOf): void {
  for (const path of paths) {
    const object = objectOf(path);
    if (object === undefined) continue;
    const key = `${object.device}:${object.inode}`;
    const known = index.get(key);
    if (known === undefined) index.set(key, [path]);
    else known.push(path);
  }
}
