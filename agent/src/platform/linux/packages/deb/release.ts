import { decodeUtf8, type ByteString } from '@belay/core/bytes';
import { readStanza } from './stanzas.ts';

/** What a signed Release file says: the repository's names and the digests of its package lists. */
export type Release = {
  /** `ORIGIN/SUITE` and `ORIGIN/CODENAME`: a suite's codename stays when the next one becomes `stable`. */
  readonly names: readonly string[];
  /** The name of each package list as apt keeps it, after the Release file's own prefix; and its SHA-256, hex. */
  readonly lists: ReadonlyMap<string, string>;
};

const MAX_NAME = 128;
const MAX_LISTS = 20_000;

export function readRelease(text: string): Release | undefined {
  const stanza = readRelease822(text);
  const sums = stanza?.get('sha256');
  if (stanza === undefined || sums === undefined) return undefined;
  const lists = new Map<string, string>();
  for (const line of sums.split('\n')) {
    const match = /^ ?([0-9a-f]{64}) +\d+ (\S+)$/.exec(line);
    if (match === null || !/(^|\/)Packages$/.test(match[2] as string)) continue;
    if (lists.size === MAX_LISTS) return undefined;
    lists.set(asFileName(match[2] as string), match[1] as string);
  }
  return { names: namesOf(stanza), lists };
}

/** The first stanza; a Release is far larger than a package's. */
function readRelease822(text: string): ReadonlyMap<string, string> | undefined {
  const end = text.indexOf('\n\n');
  return readStanza(end === -1 ? text : text.slice(0, end), 32 * 1024 * 1024);
}

function namesOf(stanza: ReadonlyMap<string, string>): readonly string[] {
  const [origin, ...suites] = ['origin', 'suite', 'codename'].map((field) => nameIn(stanza.get(field)));
  if (origin === undefined || origin.includes('/')) return [];
  return [...new Set(suites.filter((suite) => suite !== undefined).map((suite) => `${origin}/${suite}`))];
}

/** A name a rule could have: text without control characters. */
function nameIn(value: string | undefined): string | undefined {
  const text = value === undefined ? undefined : decodeUtf8(value as ByteString);
  return text === undefined || text === '' || text.length > MAX_NAME || /\p{C}/u.test(text) ? undefined : text;
}

/** How apt makes a file's name of a part of an address. */
function asFileName(path: string): string {
  return path.replace(/[\\|{}[\]<>"^~_=!@#$%&*]/g, (char) => `%${char.charCodeAt(0).toString(16).padStart(2, '0')}`).replaceAll('/', '_');
}
