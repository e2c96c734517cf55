import { timingSafeEqual } from 'node:crypto';
import { equalBytes } from '@belay/core/bytes';
import type { ServerContext } from '../../context.ts';
import type { IssuedCertificate } from '../../pki/authority.ts';
import type { Db, Tables } from '../../store/index.ts';
import { hashSecret } from './tokens.ts';

export type NewDevice = {
  readonly id: string;
  readonly evidenceKey: Uint8Array;
  readonly name: string;
  readonly hostname: string;
  /** JSON. */
  readonly inventory: string;
  readonly certificate: IssuedCertificate;
};

export type Spent =
  | { readonly kind: 'enrolled'; readonly name: string }
  | { readonly kind: 'refused'; readonly why: 'unknown' | 'expired' | 'spent' | 'revoked' };

type EnrolDeps = Pick<ServerContext, 'store' | 'serverEvents'>;
type TokenRow = Tables['enroll_tokens'];

/** How long a device whose answer got lost may ask again with the same token and key. */
const AGAIN_WITHIN_MS = 60 * 60_000;
const NO_HASH = new Uint8Array(32);

/**
 * Spends one use of the token on this device, all in one transaction: with many callers at once a token is never used more
 * often than it may be. The same device may repeat its own enrolment for a while, as its answer may have been lost.
 */
export function spendToken({ serverEvents }: EnrolDeps, secret: string, device: NewDevice, now: number): Promise<Spent> {
  const id = secret.slice(0, Math.max(0, secret.indexOf('.')));
  const hash = hashSecret(secret);
  return serverEvents.transact(async (tx, record) => {
    const token = await tx.selectFrom('enroll_tokens').selectAll().where('id', '=', id).executeTakeFirst();
    // SECURITY(T-26): compared in constant time, also when there is no such token.
    const isRight = timingSafeEqual(hash, token?.secret_hash ?? NO_HASH);
    if (token === undefined || !isRight) return { kind: 'refused', why: 'unknown' };
    const known = await findDevice(tx, device.id);
    if (known !== undefined) return enrolAgain(tx, token, known, device, now);
    const spent = await tx.updateTable('enroll_tokens').set((eb) => ({ uses_left: eb('uses_left', '-', 1) }))
      .where('id', '=', id).where('uses_left', '>', 0).where('expires_at', '>', now).where('revoked_at', 'is', null).executeTakeFirst();
    if (spent.numUpdatedRows === 0n) return { kind: 'refused', why: whyNot(token, now) };
    await insertDevice(tx, token, device, now);
    record({ type: 'device.enrolled', fields: { device: device.id, name: device.name, token: id } });
    return { kind: 'enrolled', name: device.name };
  });
}

function whyNot(token: TokenRow, now: number): 'expired' | 'spent' | 'revoked' {
  if (token.revoked_at !== null) return 'revoked';
  return token.expires_at <= now ? 'expired' : 'spent';
}

async function enrolAgain(tx: Db, token: TokenRow, known: Tables['devices'], device: NewDevice, now: number): Promise<Spent> {
  const isItself = known.enroll_token_id === token.id && equalBytes(known.evidence_key, device.evidenceKey);
  if (!isItself || known.state !== 'active' || token.revoked_at !== null || now - known.enrolled_at > AGAIN_WITHIN_MS) return { kind: 'refused', why: 'spent' };
  await setCertificate(tx, known.id, device.certificate);
  return { kind: 'enrolled', name: known.name };
}

async function insertDevice(tx: Db, token: TokenRow, device: NewDevice, now: number): Promise<void> {
  await tx.insertInto('devices').values({
    id: device.id, name: device.name, hostname: device.hostname, state: 'active', evidence_key: device.evidenceKey, enrolled_at: now, enroll_token_id: token.id,
    certificate_serial: device.certificate.serial, certificate_expires_at: device.certificate.expiresAt, last_seen_at: now, silent_since: null,
    manifest_number: 0, manifest_epoch: 0, agent_version: '', inventory: device.inventory, problems: '[]', issued_number: 0, owner_person_id: null,
  }).execute();
  const groups = JSON.parse(token.groups) as readonly string[];
  if (groups.length > 0) await tx.insertInto('device_groups').values(groups.map((name) => ({ device_id: device.id, group_name: name }))).execute();
}

async function setCertificate(tx: Db, id: string, certificate: IssuedCertificate): Promise<boolean> {
  const updated = await tx.updateTable('devices').set({ certificate_serial: certificate.serial, certificate_expires_at: certificate.expiresAt })
    .where('id', '=', id).where('state', '=', 'active').executeTakeFirst();
  return updated.numUpdatedRows > 0n;
}

/** False when the device was revoked meanwhile. */
export function renewDevice({ serverEvents }: EnrolDeps, id: string, certificate: IssuedCertificate): Promise<boolean> {
  return serverEvents.transact(async (tx, record) => {
    const isActive = await setCertificate(tx, id, certificate);
    if (isActive) record({ type: 'device.renewed', fields: { device: id } });
    return isActive;
  });
}

export function findDevice(db: Db, id: string): Promise<Tables['devices'] | undefined> {
  return db.selectFrom('devices').selectAll().where('id', '=', id).executeTakeFirst();
}

const HOST_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** What the host calls itself, if that is a name; else the id. An administrator may rename it. */
export function deviceNameOf(hostname: string, id: string): string {
  return HOST_NAME.test(hostname) ? hostname : id;
}
