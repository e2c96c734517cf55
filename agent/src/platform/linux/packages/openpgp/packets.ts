/**
 * OpenPGP packets (RFC 9580, section 4; RFC 4880 alike), as far as key rings and signatures of package managers need them: definite
 * lengths only. Whatever is malformed is no packet at all: readers answer undefined and never throw.
 */
export type Packet = { readonly tag: number; readonly body: Uint8Array };

export const TAG = { signature: 2, publicKey: 6, userId: 13, publicSubkey: 14, userAttribute: 17 } as const;

const MAX_PACKETS = 8192;
const MAX_MPI_BITS = 16_384;

class Malformed extends Error {}

/** Walks over bytes; going past the end throws, so it is used inside `parsed` only. */
export class Cursor {
  readonly bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.#at;
  }

  get at(): number {
    return this.#at;
  }

  take(length: number): Uint8Array {
    if (length < 0 || length > this.left) throw new Malformed();
    this.#at += length;
    return this.bytes.subarray(this.#at - length, this.#at);
  }

  byte(): number {
    return this.take(1)[0] as number;
  }

  number(length: 2 | 4): number {
    return this.take(length).reduce((value, byte) => value * 256 + byte, 0);
  }

  /** A multiprecision integer, without leading zeros. */
  integer(): Uint8Array {
    const bits = this.number(2);
    if (bits > MAX_MPI_BITS) throw new Malformed();
    const value = this.take(Math.ceil(bits / 8));
    const start = value.findIndex((byte) => byte !== 0);
    return start === -1 ? new Uint8Array() : value.subarray(start);
  }
}

export function malformed(): never {
  throw new Malformed();
}

/** What `read` makes of the bytes; undefined when they are not what it expects. */
export function parsed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

export function readPackets(bytes: Uint8Array): readonly Packet[] | undefined {
  return parsed(() => {
    const cursor = new Cursor(bytes);
    const packets: Packet[] = [];
    while (cursor.left > 0) {
      if (packets.length === MAX_PACKETS) malformed();
      packets.push(readPacket(cursor));
    }
    return packets;
  });
}

function readPacket(cursor: Cursor): Packet {
  const first = cursor.byte();
  if ((first & 0x80) === 0) malformed();
  if ((first & 0x40) !== 0) return { tag: first & 0x3f, body: cursor.take(newLength(cursor)) };
  const length = [() => cursor.byte(), () => cursor.number(2), () => cursor.number(4), malformed][first & 3] as () => number;
  return { tag: (first >> 2) & 0x0f, body: cursor.take(length()) };
}

/** The length of a packet in the new format; a partial one is malformed here. */
function newLength(cursor: Cursor): number {
  const first = cursor.byte();
  if (first < 192) return first;
  if (first < 224) return (first - 192) * 256 + cursor.byte() + 192;
  return first === 255 ? cursor.number(4) : malformed();
}

/** The length of a subpacket: like a packet's, without partial ones. */
export function subpacketLength(cursor: Cursor): number {
  const first = cursor.byte();
  if (first < 192) return first;
  return first === 255 ? cursor.number(4) : (first - 192) * 256 + cursor.byte() + 192;
}
