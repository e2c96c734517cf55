import { crc32 } from 'node:zlib';
import type { FixedFile } from '../platform/platform.ts';

/**
 * Where an event is made durable while somebody waits: one write to blocks that are there, and one flush. It is in the store some
 * moments later; what is still here after a crash is brought there then.
 *
 * A record: length (uint32), CRC-32 of the bytes (uint32), both big-endian, and the bytes. Records stand one behind the other from the
 * file's beginning; after `clear` the next are written over them, so what follows the last true one is old or half written.
 */
export interface CommitLog {
  /** Begins to write records behind those that are kept; false: there is no room for them. Throws: the disk refuses. */
  begin(records: readonly Uint8Array[]): boolean;
  /** What was begun is durable and kept when this returns. Throws: it is not kept. */
  finish(): void;
  /** Everything in it is somewhere else. */
  clear(): void;
  close(): void;
}

export const COMMIT_LOG_BYTES = 256 * 1024;
const HEAD_BYTES = 8;

export type OpenedCommitLog = {
  readonly records: readonly Uint8Array[];
  /** `kept`: how many of the records, from the first on, have to stay. */
  readonly resume: (kept: number) => CommitLog;
};

export function openCommitLog(file: FixedFile): OpenedCommitLog {
  const records = readRecords(file.contents);
  return { records, resume: (kept) => createCommitLog(file, records.slice(0, kept).reduce((at, { length }) => at + HEAD_BYTES + length, 0)) };
}

/** Whatever whole records the file begins with: whether they are still needed, who chains them can tell. */
function readRecords(contents: Buffer): Buffer[] {
  const records: Buffer[] = [];
  for (let at = 0; at + HEAD_BYTES <= contents.length;) {
    const [length, sum] = [contents.readUInt32BE(at), contents.readUInt32BE(at + 4)];
    const start = at + HEAD_BYTES;
    const record = contents.subarray(start, start + length);
    if (length === 0 || record.length < length || crc32(record) !== sum) break;
    records.push(record);
    at = start + length;
  }
  return records;
}

function createCommitLog(file: FixedFile, resumeAt: number): CommitLog {
  const size = file.contents.length;
  const scratch = Buffer.alloc(size);
  let kept = resumeAt;
  let end = resumeAt;
  return {
    begin(records) {
      if (kept + records.reduce((total, { length }) => total + HEAD_BYTES + length, 0) > size) return false;
      end = kept;
      for (const record of records) {
        scratch.writeUInt32BE(record.length, end);
        scratch.writeUInt32BE(crc32(record), end + 4);
        scratch.set(record, end + HEAD_BYTES);
        end += HEAD_BYTES + record.length;
      }
      file.begin(kept, scratch.subarray(kept, end));
      return true;
    },
    finish() {
      file.sync();
      kept = end;
    },
    clear() {
      kept = 0;
    },
    close: () => file.close(),
  };
}
