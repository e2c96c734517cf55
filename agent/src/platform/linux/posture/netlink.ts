import { closeSync } from 'node:fs';
import { endianness } from 'node:os';
import { openNetlink, receive, sendAll } from '../libc.ts';

/** A message of netlink(7), without its header. */
export type NetlinkMessage = { readonly type: number; readonly body: Buffer };

/** Netlink speaks the machine's own byte order; attributes of nftables the network's. */
const little = endianness() === 'LE';
const u16 = (buffer: Buffer, at: number): number => (little ? buffer.readUInt16LE(at) : buffer.readUInt16BE(at));
const u32 = (buffer: Buffer, at: number): number => (little ? buffer.readUInt32LE(at) : buffer.readUInt32BE(at));

const HEADER_BYTES = 16;
const NLM_F_REQUEST = 1;
const NLM_F_DUMP = 0x300;
const NLM_F_DUMP_INTR = 0x10;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
/** The kernel fills at most 32 KiB at a time. */
const CHUNK_BYTES = 64 * 1024;
const MAX_BYTES = 32 * 1024 * 1024;
const TIMEOUT_MS = 2000;

/**
 * Everything the kernel lists in answer to one request, waited for off the event loop. Undefined: it refused or does not know the
 * protocol, what it lists changed meanwhile, or it is too much.
 */
export async function netlinkDump(protocol: number, type: number, request: Buffer): Promise<readonly NetlinkMessage[] | undefined> {
  const fd = openNetlink(protocol, TIMEOUT_MS);
  if (fd < 0) return undefined;
  try {
    return sendAll(fd, framed(type, request)) ? await receiveDump(fd) : undefined;
  } finally {
    closeSync(fd);
  }
}

function framed(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const put32 = (value: number, at: number): number => (little ? header.writeUInt32LE(value, at) : header.writeUInt32BE(value, at));
  const put16 = (value: number, at: number): number => (little ? header.writeUInt16LE(value, at) : header.writeUInt16BE(value, at));
  put32(HEADER_BYTES + body.length, 0);
  put16(type, 4);
  put16(NLM_F_REQUEST | NLM_F_DUMP, 6);
  put32(1, 8);
  return Buffer.concat([header, body]);
}

async function receiveDump(fd: number): Promise<readonly NetlinkMessage[] | undefined> {
  const all: NetlinkMessage[] = [];
  for (let total = 0; total <= MAX_BYTES; ) {
    const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    const length = await receive(fd, chunk);
    if (length <= 0) return undefined;
    total += length;
    const split = splitMessages(chunk.subarray(0, length));
    if (split === undefined) return undefined;
    all.push(...split.messages);
    if (split.done) return all;
  }
  return undefined;
}

/** Undefined: an error, an interrupted list, or a form that is not netlink's. */
export function splitMessages(chunk: Buffer): { readonly messages: readonly NetlinkMessage[]; readonly done: boolean } | undefined {
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at < chunk.length; ) {
    if (chunk.length - at < HEADER_BYTES) return undefined;
    const [length, type, flags] = [u32(chunk, at), u16(chunk, at + 4), u16(chunk, at + 6)];
    if (length < HEADER_BYTES || length > chunk.length - at || type === NLMSG_ERROR || (flags & NLM_F_DUMP_INTR) !== 0) return undefined;
    if (type === NLMSG_DONE) return { messages, done: true };
    messages.push({ type, body: chunk.subarray(at + HEADER_BYTES, at + length) });
    at += aligned(length);
  }
  return { messages, done: false };
}

const TYPE_MASK = 0x3fff;

/** Attributes by their type, the last of each; see netlink(7). `[]` of one that may come often: `listOf`. */
export function attributesOf(bytes: Buffer): ReadonlyMap<number, Buffer> {
  return new Map(listOf(bytes));
}

/** In their order. What is malformed ends the list. */
export function listOf(bytes: Buffer): readonly (readonly [number, Buffer])[] {
  const list: (readonly [number, Buffer])[] = [];
  for (let at = 0; bytes.length - at >= 4; ) {
    const length = u16(bytes, at);
    if (length < 4 || length > bytes.length - at) return list;
    list.push([u16(bytes, at + 2) & TYPE_MASK, bytes.subarray(at + 4, at + length)]);
    at += aligned(length);
  }
  return list;
}

function aligned(length: number): number {
  return (length + 3) & ~3;
}
