import { bytesOf, concatBytes, encodeUtf8 } from '../bytes.ts';
import type { Sha256 } from '../crypto.ts';

/** Stands for the server before a device is enrolled. */
export const NO_SERVER: Uint8Array = new Uint8Array(32);

/** The device name under which server processes write their own chains. */
export const SERVER_DEVICE = 'server';

export function utf8(text: string): Uint8Array {
  return bytesOf(encodeUtf8(text));
}

export function u32(value: number): Uint8Array {
  return new Uint8Array([(value >>> 24) & 255, (value >>> 16) & 255, (value >>> 8) & 255, value & 255]);
}

/** A length, then the bytes: two fields can never run into each other. */
export function lengthPrefixed(bytes: Uint8Array): Uint8Array {
  return concatBytes(u32(bytes.length), bytes);
}

/** `rootKey`: the offline root's public key as SPKI DER. 32 bytes. */
export function serverIdOf(rootKey: Uint8Array, sha256: Sha256): Uint8Array {
  return sha256(rootKey);
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/**
 * A device is its evidence key: the id is derived from the chain's first public key (raw, 32 bytes), so nobody can
 * give a device's name to another key. A new enrolment is a new device.
 */
export function deviceIdOf(evidenceKey: Uint8Array, sha256: Sha256): string {
  const hash = sha256(concatBytes(utf8('belay/device/v1'), evidenceKey)).subarray(0, 16);
  let bits = 0;
  let held = 0;
  let text = '';
  for (const byte of hash) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += BASE32.charAt((held >> bits) & 31);
    }
    held &= (1 << bits) - 1;
  }
  if (bits > 0) text += BASE32.charAt((held << (5 - bits)) & 31);
  return `d-${text}`;
}

/** chain id = device, key, genesis (design.md, "Evidence"). */
export function chainIdOf(serverId: Uint8Array, deviceId: string, genesisKey: Uint8Array, sha256: Sha256): Uint8Array {
  return sha256(concatBytes(utf8('belay/chain/v1'), serverId, lengthPrefixed(utf8(deviceId)), genesisKey));
}

/** What the evidence key signs to be enrolled: the certificate request it wants to be certified with. */
export function enrolmentStatement(serverId: Uint8Array, deviceId: string, csrDigest: Uint8Array): Uint8Array {
  return concatBytes(utf8('belay/enrol/v1'), serverId, lengthPrefixed(utf8(deviceId)), csrDigest);
}

/** What the present TLS key signs to be renewed. */
export function renewalStatement(serverId: Uint8Array, deviceId: string, csrDigest: Uint8Array): Uint8Array {
  return concatBytes(utf8('belay/renew/v1'), serverId, lengthPrefixed(utf8(deviceId)), csrDigest);
}
