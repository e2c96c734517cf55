/** A security key in software: what a browser and its authenticator make of WebAuthn options (WebAuthn level 3, 6 and 7). */
import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { encode } from 'cborg';

export type Assertion = { readonly id: string; readonly rawId: string; readonly type: 'public-key'; readonly response: Record<string, unknown>; readonly clientExtensionResults: Record<string, unknown> };
/** What of the answer is not as it should be. */
export type Falsehoods = { readonly origin?: string; readonly rpId?: string; readonly counter?: number; readonly userVerified?: boolean; readonly challenge?: string; readonly type?: string };

export type TestAuthenticator = {
  readonly id: string;
  create(options: { readonly challenge: string; readonly rp?: unknown }, falsehoods?: Falsehoods): Assertion;
  get(options: { readonly challenge: string }, falsehoods?: Falsehoods): Assertion;
};

const [PRESENT, VERIFIED, ATTESTED] = [0x01, 0x04, 0x40];

export function createAuthenticator(origin: string): TestAuthenticator {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  const cose = encode(new Map<number, number | Uint8Array>([[1, 2], [3, -7], [-1, 1], [-2, Buffer.from(x, 'base64url')], [-3, Buffer.from(y, 'base64url')]]));
  const credential = randomBytes(32);
  const id = credential.toString('base64url');
  let counter = 0;

  const clientData = (type: string, challenge: string, falsehoods: Falsehoods): Buffer => Buffer.from(JSON.stringify({
    type: falsehoods.type ?? type, challenge: falsehoods.challenge ?? challenge, origin: falsehoods.origin ?? origin, crossOrigin: false,
  }));
  const authData = ({ rpId, counter: said, userVerified = true }: Falsehoods, attested: Uint8Array): Buffer => {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(said ?? ++counter);
    const flags = PRESENT | (userVerified ? VERIFIED : 0) | (attested.length > 0 ? ATTESTED : 0);
    return Buffer.concat([createHash('sha256').update(rpId ?? new URL(origin).hostname).digest(), Buffer.from([flags]), count, attested]);
  };
  const answer = (response: Record<string, unknown>): Assertion => ({ id, rawId: id, type: 'public-key', response, clientExtensionResults: {} });
  return {
    id,
    create({ challenge }, falsehoods = {}) {
      const client = clientData('webauthn.create', challenge, falsehoods);
      const attested = Buffer.concat([Buffer.alloc(16), Buffer.from([0, credential.length]), credential, cose]);
      const attestation = encode({ fmt: 'none', attStmt: {}, authData: authData(falsehoods, attested) });
      return answer({ clientDataJSON: client.toString('base64url'), attestationObject: Buffer.from(attestation).toString('base64url'), transports: ['internal'] });
    },
    get({ challenge }, falsehoods = {}) {
      const client = clientData('webauthn.get', challenge, falsehoods);
      const data = authData(falsehoods, new Uint8Array());
      const signature = sign('sha256', Buffer.concat([data, createHash('sha256').update(client).digest()]), privateKey);
      return answer({ clientDataJSON: client.toString('base64url'), authenticatorData: data.toString('base64url'), signature: signature.toString('base64url') });
    },
  };
}
