import { closeSync, constants, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { FixedFile } from '../platform.ts';
import { errno, fileCalls } from './libc.ts';

/** SYNC_FILE_RANGE_WRITE; see sync_file_range(2). */
const START_WRITING = 2;

/** A file that is shorter is filled up with zeros. */
export function openFixedFile(path: string, size: number): FixedFile {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    return fixedFile(fd, readOrFill(fd, size, path));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function fixedFile(fd: number, contents: Buffer): FixedFile {
  return {
    contents,
    begin(at, bytes) {
      if (at + bytes.length > contents.length) throw new Error('there is no room in the file');
      if (Number(fileCalls.pwrite(fd, bytes, bytes.length, at)) !== bytes.length) throw failed('pwrite');
      // A beginning and no more: where it is not to be had, `sync` does all of it.
      fileCalls.syncFileRange(fd, at, bytes.length, START_WRITING);
    },
    sync() {
      if (fileCalls.fdatasync(fd) !== 0) throw failed('fdatasync');
    },
    close: () => closeSync(fd),
  };
}

function readOrFill(fd: number, size: number, path: string): Buffer {
  const contents = Buffer.alloc(size);
  const { size: length } = fstatSync(fd);
  for (let at = 0, read = 1; read > 0 && at < Math.min(length, size); at += read) read = readSync(fd, contents, at, size - at, at);
  if (length >= size) return contents;
  // Written, since blocks that are only reserved have to be noted as used with the first write to each.
  for (let at = length; at < size;) at += writeSync(fd, contents, at, size - at, at);
  fsyncSync(fd);
  const folder = openSync(dirname(path), constants.O_RDONLY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
  return contents;
}

function failed(call: string): Error {
  return new Error(`${call}: errno ${errno()}`);
}
