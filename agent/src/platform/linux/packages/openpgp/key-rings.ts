import type { ByteString } from '@belay/core/bytes';
import { walk } from '../../walk.ts';
import { namesIn, readRootFile, rootFolder } from '../root-files.ts';
import { readKeyRing, type SigningKey } from './keys.ts';

const MAX_BYTES = 8 * 1024 * 1024;
const MAX_FILES = 256;

/** The keys of every key ring in a folder, one step a file. Files may be links, as long as they lead to what is root's alone. */
export function* keysIn(folder: string): Generator<readonly SigningKey[]> {
  const found = rootFolder(folder);
  if (found === undefined || found === 'absent') return;
  const names = (namesIn(found) ?? []).filter((name) => /\.(gpg|asc|pgp)$/.test(name));
  for (const name of names.slice(0, MAX_FILES)) yield keysOf(`${found}/${name}`);
}

/** None where there is no such file, or it is not root's alone. */
export function keysOf(path: string): readonly SigningKey[] {
  const resolved = walk(path as ByteString)?.resolved;
  const slash = resolved?.lastIndexOf('/') ?? -1;
  const folder = resolved === undefined || slash < 0 ? undefined : rootFolder(resolved.slice(0, slash) || '/');
  const file = resolved === undefined || folder === undefined || folder === 'absent' ? undefined : readRootFile(folder, resolved.slice(slash + 1), MAX_BYTES);
  return typeof file === 'object' ? readKeyRing(file.bytes) : [];
}
