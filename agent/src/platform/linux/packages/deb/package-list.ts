import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { decodeLz4 } from './lz4.ts';
import { IDENTITY_BYTES, identityOf, readStanza } from './stanzas.ts';

/** How a package list may be kept. There is no decoder for xz, bzip2 and lzma here: such a list counts as not there. */
export const LIST_FORMATS = ['', '.lz4', '.gz', '.zst'] as const;
export type ListFormat = (typeof LIST_FORMATS)[number];

export type PackageList = {
  /** SHA-256 of the plain bytes, hex. */
  readonly sha256: string;
  /** What `identityOf` makes of each package, one after another. */
  readonly identities: Buffer;
};

const MAX_LIST_BYTES = 1024 * 1024 * 1024;
const FIRST_PACKAGES = 1024;
const MAX_PACKAGES = 1_000_000;
const MAX_CARRIED_CHARS = 1024 * 1024;

/** Reads a list from its descriptor, which the caller closes, chunk by chunk. Rejects when it is malformed, too large or cut off. */
export async function readPackageList(fd: number, format: ListFormat, signal: AbortSignal): Promise<PackageList> {
  const source = createReadStream('', { fd, start: 0, autoClose: false });
  const collector = createCollector();
  const consume = async (chunks: AsyncIterable<Uint8Array>) => {
    for await (const chunk of chunks) collector.add(chunk);
  };
  if (format === '.gz') await pipeline(source, createGunzip(), consume, { signal });
  else if (format === '.zst') await pipeline(source, createZstdDecompress(), consume, { signal });
  else if (format === '.lz4') await pipeline(source, decodeLz4, consume, { signal });
  else await pipeline(source, consume, { signal });
  return collector.finish();
}

export function createCollector(): { add(chunk: Uint8Array): void; finish(): PackageList } {
  const hash = createHash('sha256');
  let identities = Buffer.allocUnsafeSlow(FIRST_PACKAGES * IDENTITY_BYTES);
  let used = 0;
  let carried = '';
  let bytes = 0;

  function collect(stanza: string): void {
    const fields = stanza === '' ? undefined : readStanza(stanza);
    if (fields === undefined) return;
    if (used === MAX_PACKAGES * IDENTITY_BYTES) throw new Error('too many packages in a list');
    if (used === identities.length) identities = Buffer.concat([identities], 2 * identities.length);
    used += identityOf(fields).copy(identities, used);
  }

  return {
    add(chunk) {
      bytes += chunk.length;
      if (bytes > MAX_LIST_BYTES) throw new Error('a package list is too large');
      hash.update(chunk);
      const stanzas = (carried + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1')).split('\n\n');
      carried = stanzas.pop() as string;
      if (carried.length > MAX_CARRIED_CHARS) throw new Error('a stanza is too large');
      for (const stanza of stanzas) collect(stanza);
    },
    finish() {
      collect(carried);
      const kept = Buffer.allocUnsafeSlow(used);
      identities.copy(kept, 0, 0, used);
      return { sha256: hash.digest('hex'), identities: kept };
    },
  };
}
