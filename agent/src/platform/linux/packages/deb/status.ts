import { namesIn, readRootFile, rootFolder, stampOfPaths } from '../root-files.ts';
import { readStanza, type Stanza } from './stanzas.ts';

/** What dpkg knows of the installed packages: /var/lib/dpkg/status and what it has not merged into it yet, updates/. */
export interface DpkgStatus {
  /** The stanza of the installed package; undefined unless there is exactly one and it is wholly installed. */
  installed(name: string, architecture: string | undefined): Stanza | undefined;
}

const MAX_STATUS_BYTES = 64 * 1024 * 1024;
const MAX_UPDATE_BYTES = 1024 * 1024;
const MAX_UPDATES = 1000;
const LINE_FEED = 0x0a;
const BLANK_LINE = Buffer.from('\n\n');
const MAX_CACHED = 256;

export function createDpkgStatus(database: string): DpkgStatus {
  let stamp: string | undefined;
  const cache = new Map<string, Stanza | undefined>();

  function lookUp(folder: string, name: string, architecture: string | undefined): Stanza | undefined {
    const key = `${name}:${architecture ?? ''}`;
    if (stamp === stampOfPaths([`${folder}/status`]) && cache.has(key)) return cache.get(key);
    const file = readRootFile(folder, 'status', MAX_STATUS_BYTES);
    if (typeof file !== 'object') return undefined;
    if (file.stamp !== stamp || cache.size >= MAX_CACHED) cache.clear();
    stamp = file.stamp;
    const found = Array.from(stanzasNamed(file.bytes, name)).filter((stanza) => isInstalled(stanza) && (architecture === undefined || stanza.get('architecture') === architecture));
    cache.set(key, found.length === 1 ? found[0] : undefined);
    return cache.get(key);
  }

  return {
    installed(name, architecture) {
      const folder = rootFolder(database);
      return folder === undefined || folder === 'absent' || isBeingChanged(folder, name) ? undefined : lookUp(folder, name, architecture);
    },
  };
}

/** See dpkg(1): what is wanted, an error flag, and the state. A package on hold is installed. */
function isInstalled(stanza: Stanza): boolean {
  return /^(install|hold) ok installed$/.test(stanza.get('status') ?? '') && stanza.has('version') && stanza.has('architecture');
}

/** dpkg notes each step of a run in a file of its own, named by a number, and merges them now and then. */
function isBeingChanged(folder: string, name: string): boolean {
  const updates = rootFolder(`${folder}/updates`);
  if (updates === 'absent') return false;
  const numbered = updates === undefined ? undefined : namesIn(updates)?.filter((entry) => /^\d+$/.test(entry));
  if (updates === undefined || numbered === undefined || numbered.length > MAX_UPDATES) return true;
  return numbered.some((entry) => {
    const file = readRootFile(updates, entry, MAX_UPDATE_BYTES);
    return file === undefined || (file !== 'absent' && Array.from(stanzasNamed(file.bytes, name)).length > 0);
  });
}

function* stanzasNamed(bytes: Buffer, name: string): Generator<Stanza> {
  const line = Buffer.from(`Package: ${name}\n`, 'latin1');
  for (let at = bytes.indexOf(line); at !== -1; at = bytes.indexOf(line, at + 1)) {
    if (at !== 0 && bytes[at - 1] !== LINE_FEED) continue;
    const before = at === 0 ? -1 : bytes.lastIndexOf(BLANK_LINE, at - 1);
    const after = bytes.indexOf(BLANK_LINE, at);
    // A string of its own: a part of a larger one would keep all of that in memory.
    const stanza = readStanza(bytes.toString('latin1', before === -1 ? 0 : before + 2, after === -1 ? bytes.length : after));
    if (stanza?.get('package') === name) yield stanza;
  }
}
