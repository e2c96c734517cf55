import type { PackageFact } from '@belay/core/policy';
import type { Digests } from '../digests.ts';
import type { PackageManager } from '../package-manager.ts';
import { rootFolder } from '../root-files.ts';
import { createFileLists, type ListedFile } from './file-lists.ts';
import { createRepositories } from './repositories.ts';
import { identityOf, type Stanza } from './stanzas.ts';
import { createDpkgStatus } from './status.ts';

type Owner = { readonly file: ListedFile; readonly stanza: Stanza };

/**
 * What dpkg and apt know of a file. `unmodified` goes by the MD5 digests that dpkg keeps: they tell a file that was changed from the one
 * that was packed, since a second file of a given MD5 is out of anybody's reach; whoever made the package could have made two of them.
 */
export function createDebPackages(root: string, digests: Digests, nowMs: () => number): PackageManager {
  const database = `${root}/var/lib/dpkg`;
  const lists = createFileLists(root, database);
  const status = createDpkgStatus(database);
  const repositories = createRepositories(root, nowMs);

  function factOf({ file, stanza }: Owner, fd: number): PackageFact | undefined {
    const offers = repositories.offersOf(identityOf(stanza));
    if (offers === undefined) return undefined;
    const packed = file.packedMd5 ?? configurationMd5(stanza, file.listedAs);
    const actual = packed === undefined ? undefined : digests.of(fd, 'md5');
    return {
      manager: 'deb',
      name: stanza.get('package') as string,
      version: stanza.get('version') as string,
      ...offers,
      unmodified: actual === undefined ? undefined : actual === packed,
    };
  }

  return {
    isPresent: () => rootFolder(database) !== 'absent',
    ownerOf(path, fd) {
      const files = lists.ownersOf(path);
      if (files === undefined || files.length === 0) return files === undefined ? undefined : 'none';
      const owner = theOwner(files.map((file) => ({ file, stanza: status.installed(file.name, file.architecture) })));
      return owner === undefined ? undefined : factOf(owner, fd);
    },
    isStale: () => lists.isStale() || repositories.isStale(),
    async refresh(signal) {
      await lists.refresh(signal);
      await repositories.refresh(signal);
    },
    watched: [database, ...repositories.watched],
  };
}

/**
 * Several packages have one file when they are architectures of the same version, which then must have packed the same bytes. Any other
 * file with two owners was forced upon dpkg, and nobody can say whose it is.
 */
function theOwner(owners: readonly { readonly file: ListedFile; readonly stanza: Stanza | undefined }[]): Owner | undefined {
  const [first, ...others] = owners;
  const { file, stanza } = first ?? {};
  if (file === undefined || stanza === undefined) return undefined;
  const same = others.every((other) => other.file.name === file.name && other.file.packedMd5 === file.packedMd5 && other.stanza?.get('version') === stanza.get('version'));
  return same ? { file, stanza } : undefined;
}

/** dpkg keeps the digests of configuration files apart, in the status file. */
function configurationMd5(stanza: Stanza, path: string): string | undefined {
  for (const line of stanza.get('conffiles')?.split('\n') ?? []) {
    const match = /^(\/.*) ([0-9a-f]{32})(?: [a-z-]+)*$/.exec(line);
    if (match?.[1] === path) return match[2];
  }
  return undefined;
}
