/**
 * LZ4 frames, as apt may keep its lists in them; a decoder of the format's own description (LZ4 frame format 1.6, block format). Checksums
 * are skipped: what comes out is checked against a signed SHA-256. Memory is bounded by the block size, at most 4 MiB, and 64 KiB.
 */
export class Lz4Error extends Error {}

const MAGIC = 0x184d2204;
const WINDOW = 64 * 1024;
const UNCOMPRESSED = 0x80000000;

type Frame = { readonly blockBytes: number; readonly blockChecksum: boolean; readonly contentChecksum: boolean; readonly headerBytes: number };

/** The plain bytes; each chunk is good until the next one is asked for. Throws Lz4Error on anything malformed or cut off. */
export async function* decodeLz4(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const input = new Input(source);
  while (await input.has(1)) yield* decodeFrame(input);
}

async function* decodeFrame(input: Input): AsyncGenerator<Uint8Array> {
  const frame = frameOf(await input.peek(7));
  await input.take(frame.headerBytes);
  const output = Buffer.allocUnsafeSlow(WINDOW + frame.blockBytes);
  let history = 0;
  for (;;) {
    const word = (await input.take(4)).readUInt32LE(0);
    if (word === 0) break;
    const length = word >= UNCOMPRESSED ? word - UNCOMPRESSED : word;
    if (length > frame.blockBytes) throw new Lz4Error('block too large');
    const block = await input.take(length);
    const end = word >= UNCOMPRESSED ? history + block.copy(output, history) : decodeBlock(block, output, history);
    yield output.subarray(history, end);
    const kept = Math.min(end, WINDOW);
    output.copy(output, 0, end - kept, end);
    history = kept;
    if (frame.blockChecksum) await input.take(4);
  }
  if (frame.contentChecksum) await input.take(4);
}

function frameOf(head: Buffer): Frame {
  const [flags, descriptor] = [head[4] as number, head[5] as number];
  const blockBytes = [undefined, 64 * 1024, 256 * 1024, 1024 * 1024, 4 * 1024 * 1024][((descriptor >> 4) & 7) - 3];
  // A dictionary, which nobody sends us, or another version.
  if (head.readUInt32LE(0) !== MAGIC || flags >> 6 !== 1 || (flags & 0x03) !== 0 || blockBytes === undefined) throw new Lz4Error('not an LZ4 frame');
  return { blockBytes, blockChecksum: (flags & 0x10) !== 0, contentChecksum: (flags & 0x04) !== 0, headerBytes: (flags & 0x08) === 0 ? 7 : 15 };
}

/** Writes the block's bytes at `start`, after what came before; answers where they end. */
export function decodeBlock(block: Uint8Array, output: Buffer, start: number): number {
  let [at, to] = [0, start];
  const extended = (length: number): number => {
    for (let more = 255; length >= 15 && more === 255; length += more) more = byteAt(block, at++);
    return length;
  };
  while (at < block.length) {
    const token = byteAt(block, at++);
    const literals = extended(token >> 4);
    if (literals > block.length - at || literals > output.length - to) throw new Lz4Error('literals too long');
    output.set(block.subarray(at, at + literals), to);
    at += literals;
    to += literals;
    if (at === block.length) return to;
    const distance = byteAt(block, at++) | (byteAt(block, at++) << 8);
    const length = extended(token & 15) + 4;
    if (distance === 0 || distance > to || length > output.length - to) throw new Lz4Error('match out of range');
    copyMatch(output, to, distance, length);
    to += length;
  }
  throw new Lz4Error('block ends within a sequence');
}

/** A match may reach into what it writes itself: then it repeats. */
function copyMatch(output: Buffer, to: number, distance: number, length: number): void {
  if (distance >= length) {
    output.copyWithin(to, to - distance, to - distance + length);
    return;
  }
  for (let i = 0; i < length; i++) output[to + i] = output[to + i - distance] as number;
}

function byteAt(block: Uint8Array, at: number): number {
  const byte = block[at];
  if (byte === undefined) throw new Lz4Error('block cut off');
  return byte;
}

/** Gathers chunks until enough bytes are there; never more than asked for and one chunk. */
class Input {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  async has(length: number): Promise<boolean> {
    const parts = [this.#held];
    let bytes = this.#held.length;
    while (bytes < length) {
      const next = await this.#chunks.next();
      if (next.done === true) break;
      parts.push(Buffer.from(next.value));
      bytes += next.value.length;
    }
    if (parts.length > 1) this.#held = Buffer.concat(parts);
    return bytes >= length;
  }

  async peek(length: number): Promise<Buffer> {
    if (!(await this.has(length))) throw new Lz4Error('cut off');
    return this.#held.subarray(0, length);
  }

  async take(length: number): Promise<Buffer> {
    const bytes = await this.peek(length);
    this.#held = this.#held.subarray(length);
    return bytes;
  }
}
