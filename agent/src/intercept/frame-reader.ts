const LENGTH_BYTES = 4;

export function frameOf(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(LENGTH_BYTES + message.length);
  frame.writeUInt32BE(message.length);
  frame.set(message, LENGTH_BYTES);
  return frame;
}

/**
 * Cuts a stream into messages. Holds at most one unfinished frame; a frame that announces more than `maxBytes` is refused
 * before any of it is kept.
 */
export class FrameReader {
  readonly #maxBytes: number;
  #pending: Buffer[] = [];
  #held = 0;
  #size: number | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether a frame has begun and not ended. */
  get unfinished(): boolean {
    return this.#held > 0;
  }

  push(chunk: Buffer): void {
    this.#pending.push(chunk);
    this.#held += chunk.length;
  }

  /** The next whole message; undefined: more bytes are needed; 'too-large': close the connection. */
  next(): Buffer | 'too-large' | undefined {
    if (this.#size === undefined) {
      if (this.#held < LENGTH_BYTES) return undefined;
      this.#size = this.#joined().readUInt32BE();
    }
    if (this.#size > this.#maxBytes) return 'too-large';
    const end = LENGTH_BYTES + this.#size;
    if (this.#held < end) return undefined;
    const all = this.#joined();
    const rest = all.subarray(end);
    this.#pending = rest.length === 0 ? [] : [rest];
    this.#held = rest.length;
    this.#size = undefined;
    return all.subarray(LENGTH_BYTES, end);
  }

  #joined(): Buffer {
    if (this.#pending.length > 1) this.#pending = [Buffer.concat(this.#pending)];
    return this.#pending[0] as Buffer;
  }
}
