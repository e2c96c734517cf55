import { randomBytes } from 'node:crypto';
import { type DataFolder, readIfThere, SECRET, writeDurably } from './data-folder.ts';

export const NOTICE_KEY_BYTES = 32;

/** The key of a folder that was made before there were webhooks is made now. */
export function ensureNoticeKey({ noticeKey }: DataFolder): Uint8Array {
  const held = readIfThere(noticeKey);
  if (held === undefined) {
    const made = randomBytes(NOTICE_KEY_BYTES);
    writeDurably(noticeKey, made, SECRET);
    return made;
  }
  if (held.length !== NOTICE_KEY_BYTES) throw new Error(`${noticeKey} is not a key of ${NOTICE_KEY_BYTES} bytes`);
  return held;
}
