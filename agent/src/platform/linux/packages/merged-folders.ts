import { lstatSync } from 'node:fs';
import type { ByteString } from '@belay/core/bytes';
import { walk } from '../walk.ts';

/** Folders that distributions have merged into others: packages may still list their files there, while the kernel resolves the link. */
const MERGED = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/usr/sbin', '/usr/lib64'];

/** Every path by which a package may list the file which the kernel finds at `path`; both are below `root`, without it. */
export function namesOf(path: string, root: string): readonly string[] {
  const names = [path];
  for (const link of MERGED) {
    const target = linkTarget(root + link);
    const inside = target?.startsWith(`${root}/`) === true ? target.slice(root.length) : undefined;
    if (inside !== undefined && path.startsWith(`${inside}/`)) names.push(link + path.slice(inside.length));
  }
  return names;
}

function linkTarget(link: string): string | undefined {
  try {
    return lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() === true ? walk(link as ByteString)?.resolved : undefined;
  } catch {
    return undefined;
  }
}
