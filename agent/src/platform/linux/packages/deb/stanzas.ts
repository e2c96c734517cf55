import { createHash } from 'node:crypto';

/** A stanza of deb822(5): field names in lower case; the lines of a value are joined by line feeds, without the blank before each. */
export type Stanza = ReadonlyMap<string, string>;

export const IDENTITY_BYTES = 16;
const MAX_STANZA_CHARS = 512 * 1024;

/** Undefined when a line is neither a field nor the continuation of one. A field given twice counts once, as first given. */
export function readStanza(text: string, maxChars = MAX_STANZA_CHARS): Stanza | undefined {
  if (text.length > maxChars) return undefined;
  const fields = new Map<string, string[]>();
  let current: string[] | undefined;
  for (const line of text.split('\n')) {
    if (line.startsWith(' ') || line.startsWith('\t')) {
      if (current === undefined) return undefined;
      current.push(line.slice(1));
      continue;
    }
    if (line === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    if (colon <= 0) return undefined;
    const name = line.slice(0, colon).toLowerCase();
    current = [line.slice(colon + 1).trim()];
    if (!fields.has(name)) fields.set(name, current);
  }
  return new Map(Array.from(fields, ([name, lines]) => [name, lines.join('\n')]));
}

/** Besides name, version and architecture: what the package itself says of itself. Section and Priority are the archive's to override. */
const IDENTITY = [
  'package', 'version', 'architecture', 'source', 'maintainer', 'original-maintainer', 'installed-size', 'multi-arch', 'essential', 'protected', 'pre-depends',
  'depends', 'recommends', 'suggests', 'enhances', 'conflicts', 'breaks', 'replaces', 'provides', 'built-using', 'homepage',
];

/**
 * What tells one build of a package from another of the same name and version, as apt does. The package database keeps no digest of the
 * archive it came from: a local package that repeats each of these fields is taken for the repository's. The first sixteen bytes of SHA-256.
 */
export function identityOf(stanza: Stanza): Buffer {
  const values = IDENTITY.map((name) => stanza.get(name)?.replace(/\s+/g, ' ') ?? '');
  return createHash('sha256').update(values.join('\0')).digest().subarray(0, IDENTITY_BYTES);
}
