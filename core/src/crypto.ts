/** The only cryptography core uses, handed in by whoever runs it (Node's, a browser's). All synchronous. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** Raw keys: public 32 bytes, signature 64 bytes (RFC 8032). */
export type Ed25519Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
export type Ed25519Sign = (message: Uint8Array) => Uint8Array;

/** `count` bytes from a cryptographic generator. */
export type RandomBytes = (count: number) => Uint8Array;
