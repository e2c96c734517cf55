// People who approve, for a fleet whose keys the test holds: grants and answers signed by its grant key, as a server would. They read
// requests from the journal, as a server does.
import { type Answer, type Grant, type Manifest, sealEnvelope } from '@belay/core/evidence';
import type { Ed25519Key } from '@belay/core/node-crypto';
import { daemonFrames } from '../security/attacker/attacker.ts';
import { expectAnswer, type OwnFleet, type SecurityEvent } from '../security/attacker/own-fleet.ts';
import { waitFor } from './world/place.ts';

export type Filed = {
  readonly request: number;
  readonly uid: number;
  readonly user: string;
  readonly digest: Uint8Array;
  readonly session: Uint8Array | undefined;
  readonly approval: readonly string[];
  readonly fields: SecurityEvent['fields'];
};

export type Approver = {
  /** The newest request for approval after those that were asked for before. */
  readonly filed: () => Promise<Filed>;
  /** A grant as a server would give it; `changes` make it another. */
  readonly grantFor: (filed: Filed, changes?: Partial<Grant>) => Grant;
  /** The same for somebody's name: a grant for this device of a request that was made on another one. */
  readonly grantByName: (user: string, scope: NonNullable<Grant['scope']>, approval: readonly string[], changes?: Partial<Grant>) => Grant;
  readonly sealGrant: (grant: Grant, key?: Ed25519Key) => Uint8Array;
  /** What the manifest lists from now on. Delivered at once. */
  readonly list: (envelopes: readonly Uint8Array[], changes?: Partial<Manifest>) => Promise<void>;
  /** In the manifest, beside what is there. */
  readonly give: (grant: Grant) => Promise<void>;
  /** Grants it: in the manifest, beside what is there, and by an answer. */
  readonly approve: (filed: Filed, changes?: Partial<Grant>) => Promise<Grant>;
  readonly answer: (filed: Pick<Filed, 'request'>, changes: Partial<Answer>) => Promise<void>;
  readonly deny: (filed: Pick<Filed, 'request'>, words: string) => Promise<void>;
  readonly revoke: (id: string) => Promise<void>;
  /** Signs the server's time for what belayd asked last. */
  readonly tellTime: (timeMs?: number) => Promise<void>;
  readonly nonce: () => Uint8Array | undefined;
};

const HOUR_MS = 60 * 60_000;
let made = 0;

export function createApprover(fleet: OwnFleet): Approver {
  const { keys, device } = fleet;
  const seen = new Set<number>();
  const versions = new Map<number, number>();
  let listed: readonly { readonly id: string; readonly envelope: Uint8Array }[] = [];
  let revoked: readonly string[] = [];
  let number = 0;
  const signer = (key: Ed25519Key = keys.roles.grant) => ({ keyId: 'grant-1', sign: key.sign });
  const sealGrant: Approver['sealGrant'] = (grant, key) => sealEnvelope('grant', grant, signer(key));
  const list: Approver['list'] = async (envelopes, changes = {}) => {
    number = Math.max(number, fleet.newest().number) + 1;
    const answer = await fleet.deliverManifest(fleet.manifestEnvelope({ number, grants: [...envelopes], revocations: [...revoked], features: envelopes.length > 0 ? ['grants/v1'] : [], ...changes }));
    if (!answer.accepted) throw new Error(`belayd refused the manifest: ${answer.code} ${answer.message}`);
  };
  const relist = async (): Promise<void> => await list(listed.map(({ envelope }) => envelope));
  const answer: Approver['answer'] = async ({ request }, changes) => {
    const version = (versions.get(request) ?? 0) + 1;
    versions.set(request, version);
    const envelope = sealEnvelope('answer', { server: keys.serverId, device, request, version, state: 'pending', approvers: '', have: 0, need: 1, by: [], message: '', time: Date.now(), ...changes }, signer());
    expectAnswer(await fleet.uplink().ask({ case: 'answer', value: { envelope } }), 'done');
  };
  const grantFor: Approver['grantFor'] = (filed, changes = {}) => ({
    server: keys.serverId, device, id: `g-${++made}`, request: filed.request, uid: filed.uid, user: filed.user, digest: filed.digest, ...(filed.session === undefined ? {} : { session: filed.session }),
    met: [...filed.approval], uses: 1, issuedAt: Date.now(), expiresAt: Date.now() + HOUR_MS, approvedBy: ['bo'], message: '', emergency: false, ...changes,
  });
  const grantByName: Approver['grantByName'] = (user, scope, approval, changes = {}) => ({
    server: keys.serverId, device, id: `g-${++made}`, request: 0, user, scope, met: [...approval], uses: 1, issuedAt: Date.now(), expiresAt: Date.now() + HOUR_MS, approvedBy: ['bo'], message: '', emergency: false, ...changes,
  });
  const give: Approver['give'] = async (grant) => {
    listed = [...listed, { id: grant.id, envelope: sealGrant(grant) }];
    await relist();
  };
  const nonce = (): Uint8Array | undefined => {
    const states = daemonFrames(fleet.uplink().line).flatMap(({ message }) => (message.case === 'state' ? [message.value] : []));
    const last = states.at(-1)?.timeNonce;
    return last === undefined || last.length === 0 ? undefined : last;
  };
  return {
    grantFor, grantByName, sealGrant, list, give, answer, nonce,
    filed: async () => await waitFor(async () => {
      const event = (await fleet.events()).findLast(({ type, fields }) => type === 'request.filed' && !seen.has(Number(fields['request'])));
      if (event === undefined) return undefined;
      const { request, uid, user, digest, session, approval } = event.fields;
      seen.add(Number(request));
      return { request: Number(request), uid: Number(uid), user: typeof user === 'string' ? user : '', digest: digest as Uint8Array, session: session as Uint8Array | undefined, approval: approval as readonly string[], fields: event.fields };
    }, { what: 'a request for approval' }),
    approve: async (filed, changes) => {
      const grant = grantFor(filed, changes);
      await give(grant);
      await answer(filed, { state: 'approved', by: grant.approvedBy, message: grant.message, have: 1, grant: grant.id });
      return grant;
    },
    deny: async (filed, words) => await answer(filed, { state: 'denied', by: ['bo'], message: words }),
    revoke: async (id) => {
      listed = listed.filter((each) => each.id !== id);
      revoked = [...revoked, id];
      await relist();
    },
    tellTime: async (timeMs = Date.now()) => {
      const asked = await waitFor(nonce, { what: 'belayd to ask for the time' });
      const envelope = sealEnvelope('time', { server: keys.serverId, device, nonce: asked, time: timeMs }, { keyId: 'receipt-1', sign: keys.roles.receipt.sign });
      expectAnswer(await fleet.uplink().ask({ case: 'time', value: { envelope } }), 'done');
    },
  };
}
