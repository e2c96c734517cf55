/**
 * An rpm header as the database keeps it: an index of typed tags and their data, big-endian (rpm's docs/manual/format_header.md). What the
 * package brought is the immutable region at its start; what the device added, like the files' states and the signatures, follows.
 */
export interface RpmHeader {
  /** What the signature covers. */
  readonly signed: TagReader;
  /** What was added on the device. */
  readonly added: TagReader;
  /** The bytes a signature of the header covers. */
  readonly signedBytes: Uint8Array;
}

/** Undefined: not there, of another type, or malformed. */
export interface TagReader {
  text(tag: number): string | undefined;
  /** The text at one place of an array. */
  textAt(tag: number, at: number): string | undefined;
  number(tag: number): number | undefined;
  numberAt(tag: number, at: number): number | undefined;
  bytes(tag: number): Uint8Array | undefined;
  countOf(tag: number): number;
}

export const RPM_TAG = {
  dsaHeader: 267, rsaHeader: 268, openPgp: 278, name: 1000, version: 1001, release: 1002, epoch: 1003, description: 1005, fileStates: 1029,
  fileDigests: 1035, fileFlags: 1037, dirIndexes: 1116, baseNames: 1117, dirNames: 1118, fileDigestAlgorithm: 5011,
} as const;

type Entry = { readonly type: number; readonly offset: number; readonly count: number };

const MAGIC = Uint8Array.of(0x8e, 0xad, 0xe8, 0x01, 0, 0, 0, 0);
const ENTRY_BYTES = 16;
const MAX_ENTRIES = 65_535;
const MAX_DATA_BYTES = 256 * 1024 * 1024;
const IMMUTABLE_REGION = 63;
const TYPE = { char: 1, int8: 2, int16: 3, int32: 4, string: 6, bytes: 7, strings: 8, translated: 9 } as const;
const INTEGER_BYTES: Readonly<Record<number, 1 | 2 | 4>> = { [TYPE.char]: 1, [TYPE.int8]: 1, [TYPE.int16]: 2, [TYPE.int32]: 4 };

/** Undefined for whatever is not such a header, or has no immutable region. */
export function readRpmHeader(blob: Buffer): RpmHeader | undefined {
  if (blob.length < 8 + ENTRY_BYTES) return undefined;
  const [count, length] = [blob.readUInt32BE(0), blob.readUInt32BE(4)];
  if (count === 0 || count > MAX_ENTRIES || length > MAX_DATA_BYTES || blob.length !== 8 + count * ENTRY_BYTES + length) return undefined;
  const data = blob.subarray(8 + count * ENTRY_BYTES);
  const region = readRegion(blob, count, data);
  if (region === undefined) return undefined;
  const { regionEntries, regionBytes } = region;
  return {
    signed: createTagReader(blob, { from: 1, to: regionEntries, base: 0 }, data.subarray(0, regionBytes)),
    added: createTagReader(blob, { from: regionEntries, to: count, base: regionBytes }, data.subarray(regionBytes)),
    signedBytes: Buffer.concat([
      MAGIC, bigEndian(regionEntries), bigEndian(regionBytes), blob.subarray(8, 8 + regionEntries * ENTRY_BYTES), data.subarray(0, regionBytes),
    ]),
  };
}

/** The first entry points to its own trailer at the end of the region's data, which says how far the region's index goes. */
function readRegion(blob: Buffer, count: number, data: Buffer): { readonly regionEntries: number; readonly regionBytes: number } | undefined {
  const [tag, type, offset, size] = [blob.readUInt32BE(8), blob.readUInt32BE(12), blob.readInt32BE(16), blob.readUInt32BE(20)];
  if (tag !== IMMUTABLE_REGION || type !== TYPE.bytes || size !== ENTRY_BYTES || offset < 0 || offset + ENTRY_BYTES > data.length) return undefined;
  const back = -data.readInt32BE(offset + 8);
  const regionEntries = back / ENTRY_BYTES;
  const trailerFits = data.readUInt32BE(offset) === IMMUTABLE_REGION && data.readUInt32BE(offset + 4) === TYPE.bytes && data.readUInt32BE(offset + 12) === ENTRY_BYTES;
  if (!trailerFits || !Number.isInteger(regionEntries) || regionEntries < 1 || regionEntries > count) return undefined;
  return { regionEntries, regionBytes: offset + ENTRY_BYTES };
}

function bigEndian(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Offsets count from the start of all data, wherever this part of it starts. */
function createTagReader(blob: Buffer, { from, to, base }: { readonly from: number; readonly to: number; readonly base: number }, data: Buffer): TagReader {
  const entries = new Map<number, Entry>();
  for (let at = from; at < to; at++) {
    const place = 8 + at * ENTRY_BYTES;
    const tag = blob.readUInt32BE(place);
    const entry = { type: blob.readUInt32BE(place + 4), offset: blob.readUInt32BE(place + 8) - base, count: blob.readUInt32BE(place + 12) };
    if (!entries.has(tag)) entries.set(tag, entry);
  }

  function textAt(tag: number, at: number): string | undefined {
    const entry = entries.get(tag);
    if (entry === undefined || at < 0 || at >= entry.count || (entry.type !== TYPE.string && entry.type !== TYPE.strings && entry.type !== TYPE.translated)) return undefined;
    let [start, end] = [entry.offset, endOfText(data, entry.offset)];
    for (let skipped = 0; skipped < at && end !== undefined; skipped++) [start, end] = [end + 1, endOfText(data, end + 1)];
    return end === undefined ? undefined : data.toString('latin1', start, end);
  }

  function numberAt(tag: number, at: number): number | undefined {
    const entry = entries.get(tag);
    const size = entry === undefined ? undefined : INTEGER_BYTES[entry.type];
    if (entry === undefined || size === undefined || at < 0 || at >= entry.count) return undefined;
    const place = entry.offset + at * size;
    return place < 0 || place + size > data.length ? undefined : data.readUIntBE(place, size);
  }

  return {
    text: (tag) => textAt(tag, 0),
    textAt,
    number: (tag) => numberAt(tag, 0),
    numberAt,
    bytes(tag) {
      const entry = entries.get(tag);
      if (entry?.type !== TYPE.bytes || entry.offset < 0 || entry.offset + entry.count > data.length) return undefined;
      return data.subarray(entry.offset, entry.offset + entry.count);
    },
    countOf: (tag) => entries.get(tag)?.count ?? 0,
  };
}

function endOfText(data: Buffer, start: number): number | undefined {
  if (start < 0 || start >= data.length) return undefined;
  const end = data.indexOf(0, start);
  return end === -1 ? undefined : end;
}
