// Frames of the local protocol as its clients see them: a 4-byte big-endian length, then one message.

const lengthBytes = 4;

export function frame(message: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(lengthBytes + message.length);
  bytes.writeUInt32BE(message.length);
  bytes.set(message, lengthBytes);
  return bytes;
}

export type FrameReader = {
  /** The whole messages which `chunk` completed; undefined when one announces more than `maxBytes`: close the connection. */
  readonly push: (chunk: Buffer) => readonly Buffer[] | undefined;
};

export function createFrameReader(maxBytes: number): FrameReader {
  let pending: Buffer[] = [];
  let held = 0;
  return {
    push: (chunk) => {
      pending.push(chunk);
      held += chunk.length;
      const whole: Buffer[] = [];
      while (held >= lengthBytes) {
        if ((pending[0] as Buffer).length < lengthBytes) pending = [Buffer.concat(pending)];
        const size = (pending[0] as Buffer).readUInt32BE();
        if (size > maxBytes) return undefined;
        if (held < lengthBytes + size) break;
        const all = pending.length === 1 ? (pending[0] as Buffer) : Buffer.concat(pending);
        whole.push(all.subarray(lengthBytes, lengthBytes + size));
        const rest = all.subarray(lengthBytes + size);
        pending = rest.length === 0 ? [] : [rest];
        held = rest.length;
      }
      return whole;
    },
  };
}
