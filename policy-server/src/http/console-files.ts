import { readdirSync, readFileSync } from 'node:fs';
import { dirname, extname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A file of the console as it is sent: as it is, and compressed beforehand by the build. */
export type ConsoleFile = {
  readonly type: string;
  readonly plain: Buffer;
  readonly br: Buffer | undefined;
  readonly gzip: Buffer | undefined;
  /** Its name holds a hash of its content: it never changes. */
  readonly immutable: boolean;
};

/** By path, `/` first: `/index.html`, `/assets/…`. */
export type ConsoleFiles = ReadonlyMap<string, ConsoleFile>;

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml',
  '.png': 'image/png', '.woff2': 'font/woff2', '.webmanifest': 'application/manifest+json', '.txt': 'text/plain; charset=utf-8',
};

/** Beside the bundle in an installation, in dist/ when run from the sources. */
export function consoleFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  const isSource = here.endsWith(join('policy-server', 'src', 'http'));
  return isSource ? join(here, '..', '..', '..', 'dist', 'console') : join(here, 'console');
}

/**
 * The whole console, read once into memory: no path of a request ever reaches the file system. Undefined when it was not built; files that
 * have no known type are left out.
 */
export function readConsole(folder = consoleFolder()): ConsoleFiles | undefined {
  const files = new Map<string, ConsoleFile>();
  for (const name of namesIn(folder)) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const path = `/${relative(folder, name).split(sep).join(posix.sep)}`;
    files.set(path, { type, plain: readFileSync(name), br: readIfThere(`${name}.br`), gzip: readIfThere(`${name}.gz`), immutable: path.startsWith('/assets/') });
  }
  return files.has('/index.html') ? files : undefined;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function readIfThere(name: string): Buffer | undefined {
  try {
    return readFileSync(name);
  } catch {
    return undefined;
  }
}
