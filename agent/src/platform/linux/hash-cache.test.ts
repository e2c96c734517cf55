import { createHash } from 'node:crypto';
import { chmodSync, chownSync, closeSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import koffi from 'koffi';
import { createHashCache, type HashCache } from './hash-cache.ts';

const asRoot = process.getuid?.() === 0 ? describe : describe.skip;
const never = new AbortController().signal;
const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');
/** Long after whatever a test has just written. */
const LATER_MS = 60_000;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

let folder: string;
let path: string;
let cache: HashCache;
const opened: number[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-hash-'));
  path = join(folder, 'tool');
  writeFileSync(path, 'one', { mode: 0o755 });
  cache = createHashCache({ nowMs: () => Date.now() + LATER_MS, maxEntries: 3 });
});
afterEach(() => {
  cache.close();
  for (const fd of opened.splice(0)) closeSync(fd);
  rmSync(folder, { recursive: true });
});

function open(file: string = path, flags: string = 'r'): number {
  const fd = openSync(file, flags);
  opened.push(fd);
  return fd;
}
const hash = (fd: number, signal: AbortSignal = never): Promise<string | undefined> => cache.of({ fd, rootOnly: true }, signal);
const known = (fd: number): string | undefined => cache.known({ fd, rootOnly: true });

/** Bytes this process reads by read(2) and its like meanwhile, by the kernel's count. */
function bytesRead(during: () => void): number {
  const count = (text: string): number => Number(/^rchar: (\d+)/.exec(text)?.[1]);
  const before = readFileSync('/proc/self/io', 'latin1');
  during();
  // The first look itself is counted, the second is not yet.
  return count(readFileSync('/proc/self/io', 'latin1')) - count(before) - before.length;
}

asRoot('the hash cache', () => {
  test('a file is read once, and a repeat reads nothing of it', async () => {
    const content = Buffer.alloc(3 * 1024 * 1024 + 17, 'x');
    writeFileSync(path, content);
    const fd = open();
    expect(known(fd)).toBeUndefined();
    expect(await hash(fd)).toBe(sha256(content));
    let found: string | undefined;
    expect(bytesRead(() => (found = known(fd)))).toBe(0);
    expect(found).toBe(sha256(content));
    expect(bytesRead(() => readFileSync(path))).toBe(content.length);
    // By another descriptor, and another name.
    symlinkSync(path, join(folder, 'link'));
    expect(known(open(join(folder, 'link')))).toBe(sha256(content));
  });

  test('an empty file has a hash too', async () => {
    writeFileSync(path, '');
    const fd = open();
    expect(await hash(fd)).toBe(sha256(''));
    expect(known(fd)).toBe(sha256(''));
  });

  test.each<[string, () => void, string]>([
    ['written over, its times put back', () => {
      const { atime, mtime } = statSync(path);
      writeFileSync(path, 'two');
      utimesSync(path, atime, mtime);
    }, 'two'],
    ['cut short', () => truncateSync(path, 2), 'on'],
    ['replaced', () => {
      writeFileSync(`${path}.new`, 'two');
      renameSync(`${path}.new`, path);
    }, 'two'],
    ['given another mode', () => chmodSync(path, 0o555), 'one'],
  ])('SECURITY(T-14): a file that was %s is read again', async (_name, change, content) => {
    expect(await hash(open())).toBe(sha256('one'));
    // The kernel's clock for times of files must have gone on.
    const { ctimeNs } = statSync(path, { bigint: true });
    while (BigInt(Date.now()) * 1_000_000n < ctimeNs + 20_000_000n) await new Promise((resolve) => setImmediate(resolve));
    change();
    const fd = open();
    expect(known(fd)).toBeUndefined();
    expect(await hash(fd)).toBe(sha256(content));
    expect(known(fd)).toBe(sha256(content));
  });

  test.each<[string, () => void]>([
    ['somebody else\'s', () => chownSync(path, 65_534, 0)],
    ['writable for its group', () => chmodSync(path, 0o775)],
    ['writable for all', () => chmodSync(path, 0o757)],
  ])('SECURITY(T-17): a file that is %s has none', async (_name, change) => {
    expect(await hash(open())).toBe(sha256('one'));
    change();
    expect(await hash(open())).toBeUndefined();
    expect(known(open())).toBeUndefined();
  });

  test('SECURITY(T-17): nor one below a folder that others can write, a folder, or one of a file system that is not kept by this kernel', async () => {
    const fd = open();
    expect(await cache.of({ fd, rootOnly: false }, never)).toBeUndefined();
    expect(await hash(fd)).toBe(sha256('one'));
    expect(cache.known({ fd, rootOnly: false })).toBeUndefined();
    expect(await hash(open(folder))).toBeUndefined();
    expect(await hash(open('/proc/version'))).toBeUndefined();
    expect(await hash(-1)).toBeUndefined();
  });

  test('SECURITY(T-34): nor one that somebody has open for writing, by a descriptor or by nothing but a mapping', async () => {
    const writer = openSync(path, 'r+');
    expect(await hash(open())).toBeUndefined();
    closeSync(writer);
    const mapped = openSync(path, 'r+');
    const library = koffi.load(null);
    const address = library.func('void *mmap(void *, size_t, int, int, int, long)')(null, 3, PROT_READ_WRITE, MAP_SHARED, mapped, 0) as bigint;
    closeSync(mapped);
    expect(await hash(open())).toBeUndefined();
    koffi.encode(address, 'char', 'X'.charCodeAt(0));
    expect(library.func('int munmap(void *, size_t)')(address, 3)).toBe(0);
    expect(await hash(open())).toBe(sha256('Xne'));
  });

  test('one that changed a moment ago is told, not kept: a second change could have the same stamp', async () => {
    const strict = createHashCache({ nowMs: () => Number(statSync(path, { bigint: true }).ctimeNs / 1_000_000n) + 50 });
    const fd = open();
    expect(await strict.of({ fd, rootOnly: true }, never)).toBe(sha256('one'));
    expect(strict.known({ fd, rootOnly: true })).toBeUndefined();
    strict.close();
  });

  test('SECURITY(T-15): a file that changes while it is read has no hash', async () => {
    writeFileSync(path, Buffer.alloc(8 * 1024 * 1024));
    const fd = open();
    const asked = hash(fd);
    const writer = open(path, 'r+');
    writeSync(writer, 'X', 0);
    expect(await asked).toBeUndefined();
    expect(known(fd)).toBeUndefined();
  });

  test('who asks for what is being read waits for it, and gives up alone; the descriptor may be closed meanwhile', async () => {
    const content = Buffer.alloc(8 * 1024 * 1024, 'y');
    writeFileSync(path, content);
    const fd = openSync(path, 'r');
    const impatient = new AbortController();
    const asked = [hash(fd), hash(fd, impatient.signal)];
    closeSync(fd);
    impatient.abort();
    expect(await Promise.all(asked)).toEqual([sha256(content), undefined]);
    expect(known(open())).toBe(sha256(content));
    expect(await hash(open(), AbortSignal.abort())).toBeUndefined();
  });

  test('the longest unused goes first', async () => {
    const fds = [1, 2, 3, 4].map((number) => {
      writeFileSync(join(folder, `${number}`), `${number}`);
      return open(join(folder, `${number}`));
    });
    const [first, second, third, fourth] = fds as [number, number, number, number];
    for (const fd of [first, second, third]) await hash(fd);
    expect(known(first)).toBe(sha256('1'));
    await hash(fourth);
    expect([first, second, third, fourth].map(known)).toEqual([sha256('1'), undefined, sha256('3'), sha256('4')]);
  });

  test('closed, it knows nothing', async () => {
    const fd = open();
    const asked = hash(fd);
    cache.close();
    expect(await asked).toBeUndefined();
    expect(await hash(fd)).toBeUndefined();
    expect(known(fd)).toBeUndefined();
  });
});
