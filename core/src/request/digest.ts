import { type ByteString, byteStringOf, encodeUtf8, fromHex } from '../bytes.ts';
import type { Sha256 } from '../crypto.ts';
import type { ElevationRequest, RunAs } from './request.ts';

const DOMAIN = encodeUtf8('belay/request/v1');

/**
 * What an answer binds to (design.md, principle 3): door, device, requester, executable, argument vector, working directory,
 * kept environment, run-as identity. Two requests have one digest only if all of these are the same bytes.
 *
 * Layout: a sequence of parts, each preceded by its length (u32, big-endian); a list is preceded by its count. Numbers are
 * parts of 8 bytes. The executable is its resolved path and, with `executableSha256` (hex), its content; without, its
 * device and inode numbers.
 *
 * The login session is not in it: a yes waited for in place binds to digest *and* login session, one asked for ahead to the
 * digest alone. Whoever keeps the yes compares both.
 */
export function requestDigest(request: ElevationRequest, sha256: Sha256, executableSha256?: string): Uint8Array {
  return sha256(requestBytes(request, executableSha256));
}

/** The bytes that `requestDigest` hashes. */
export function requestBytes(request: ElevationRequest, executableSha256?: string): Uint8Array {
  const parts = new Parts();
  parts.text(DOMAIN);
  parts.text(encodeUtf8(request.door));
  parts.text(encodeUtf8(request.deviceId));
  parts.number(BigInt(request.requester.uid));
  parts.text(request.executable.resolved);
  addContent(parts, request, executableSha256);
  parts.list(request.args);
  parts.text(request.cwd);
  parts.list(request.env);
  addRunAs(parts, request.runAs);
  return parts.bytes();
}

function addContent(parts: Parts, request: ElevationRequest, executableSha256: string | undefined): void {
  if (executableSha256 === undefined) {
    parts.text(encodeUtf8('inode'));
    parts.number(request.executable.device);
    parts.number(request.executable.inode);
    return;
  }
  const hash = fromHex(executableSha256);
  if (hash?.length !== 32) throw new TypeError('executableSha256 is 64 hexadecimal digits');
  parts.text(encodeUtf8('sha256'));
  parts.text(byteStringOf(hash));
}

/** Names are not bound: the kernel knows ids only. The order of supplementary groups means nothing. */
function addRunAs(parts: Parts, runAs: RunAs): void {
  parts.number(BigInt(runAs.uid));
  parts.number(BigInt(runAs.gid));
  const groups = [...new Set(runAs.groups)].sort((a, b) => a - b);
  parts.count(groups.length);
  for (const group of groups) parts.number(BigInt(group));
}

const FIRST_SIZE = 2048;

/** Length-prefixed parts in one buffer that grows. */
class Parts {
  #buffer = new Uint8Array(FIRST_SIZE);
  #view = new DataView(this.#buffer.buffer);
  #at = 0;

  count(value: number): void {
    this.#reserve(4);
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  number(value: bigint): void {
    this.count(8);
    this.#reserve(8);
    this.#view.setBigUint64(this.#at, BigInt.asUintN(64, value));
    this.#at += 8;
  }

  text(text: ByteString): void {
    this.count(text.length);
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) this.#buffer[this.#at + i] = text.charCodeAt(i);
    this.#at += text.length;
  }

  list(items: readonly ByteString[]): void {
    this.count(items.length);
    for (const item of items) this.text(item);
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#at);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#buffer.length, this.#at + bytes));
    larger.set(this.#buffer.subarray(0, this.#at));
    this.#buffer = larger;
    this.#view = new DataView(larger.buffer);
  }
}
