import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, read, write } from 'node:fs';
import { promisify } from 'node:util';
import { err, ok, type Result } from '@belay/core/result';
import type { SealedCopy } from '../platform.ts';
import { hasSafeInterpreter } from './inspect.ts';
import { addSeals, ALL_SEALS, memfdCreate } from './libc.ts';

const readAt = promisify(read);
const writeAt = promisify(write);
const CHUNK = 1024 * 1024;

/**
 * Copies the bytes behind `fd` into memory, seals them against any change, and only then hashes them.
 * Errors: too large, no memory, aborted, a script whose interpreter others than root can change.
 */
export async function seal(fd: number, maxBytes: number, signal: AbortSignal): Promise<Result<SealedCopy, string>> {
  const memory = memfdCreate('belay');
  if (memory < 0) return err('memfd_create failed');
  try {
    const size = await copy(fd, memory, maxBytes, signal);
    if (size === undefined) return err('too large to be sealed, or out of time');
    // SECURITY(T-34): hashed after sealing, so that nothing can change between the hash and the run.
    if (!addSeals(memory, ALL_SEALS)) return err('sealing failed');
    // SECURITY(T-17): a hash pins the script, not what reads it. Looked up in the sealed bytes, which are what runs.
    if (!hasSafeInterpreter(memory)) return err('the interpreter of the script can be changed by others than root');
    const sha256 = await hash(memory, size, signal);
    if (sha256 === undefined) return err('out of time');
    return ok({ fd: openSync(`/proc/self/fd/${memory}`, constants.O_RDONLY), sha256, size });
  } catch (error) {
    return err(Error.isError(error) ? error.message : 'fault');
  } finally {
    closeSync(memory);
  }
}

async function copy(from: number, to: number, maxBytes: number, signal: AbortSignal): Promise<number | undefined> {
  const chunk = Buffer.allocUnsafe(CHUNK);
  for (let at = 0; ; ) {
    if (signal.aborted || at > maxBytes) return undefined;
    const { bytesRead } = await readAt(from, chunk, 0, CHUNK, at);
    if (bytesRead === 0) return at;
    for (let done = 0; done < bytesRead; ) done += (await writeAt(to, chunk, done, bytesRead - done, at + done)).bytesWritten;
    at += bytesRead;
  }
}

async function hash(fd: number, size: number, signal: AbortSignal): Promise<string | undefined> {
  const chunk = Buffer.allocUnsafe(CHUNK);
  const digest = createHash('sha256');
  for (let at = 0; at < size; ) {
    if (signal.aborted) return undefined;
    const { bytesRead } = await readAt(fd, chunk, 0, CHUNK, at);
    if (bytesRead === 0) return undefined;
    digest.update(chunk.subarray(0, bytesRead));
    at += bytesRead;
  }
  return digest.digest('hex');
}
