import { createHash, randomBytes } from 'node:crypto';
import { type Failure, failure } from '@belay/core/codes';
import { encodeToken } from '@belay/core/evidence';
import { sha256 } from '@belay/core/node-crypto';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import { randomLetters } from '../../random-letters.ts';
import { badName, isName } from './names.ts';

export type EnrollToken = {
  readonly id: string;
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt: number;
  readonly usesLeft: number;
  readonly usesTotal: number;
  readonly groups: readonly string[];
  readonly revokedAt: number | null;
};

/** Enrolment tokens, as administrators handle them. */
export interface TokenService {
  /** `token` is shown once and stored only as a hash. */
  createToken(options: { readonly uses: number; readonly validForMs: number; readonly groups: readonly string[] }, by: string): Promise<Result<{ readonly token: string; readonly info: EnrollToken }, Failure>>;
  /** Newest first. */
  listTokens(page: { readonly limit: number; readonly after?: readonly [createdAt: number, id: string] | undefined }): Promise<readonly EnrollToken[]>;
  revokeToken(id: string, by: string): Promise<Result<EnrollToken, Failure>>;
}

type TokenServiceDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'clock' | 'keys' | 'config'>;

const YEAR_MS = 365 * 86_400_000;

export function createTokenService(deps: TokenServiceDeps): TokenService {
  const { store, serverEvents, clock, keys, config } = deps;
  return {
    async createToken({ uses, validForMs, groups }, by) {
      const bad = groups.find((name) => !isName(name));
      if (bad !== undefined) return badName('group name', bad);
      if (!Number.isSafeInteger(uses) || uses < 1 || uses > 1_000_000) return err(failure('BELAY_E_BAD_REQUEST', 'A token can be used from 1 to 1000000 times.'));
      if (!Number.isSafeInteger(validForMs) || validForMs < 1000 || validForMs > YEAR_MS) return err(failure('BELAY_E_BAD_REQUEST', 'A token is valid from one second to one year.'));
      const id = randomLetters(12);
      const secret = `${id}.${randomBytes(32).toString('base64url')}`;
      const now = clock();
      const row = {
        id, secret_hash: hashSecret(secret), created_at: now, created_by: by, expires_at: now + validForMs,
        uses_left: uses, uses_total: uses, groups: JSON.stringify([...new Set(groups)]), revoked_at: null,
      };
      await serverEvents.transact(async (tx, record) => {
        await tx.insertInto('enroll_tokens').values(row).execute();
        record({ type: 'enroll-token.created', fields: { by, token: id, uses, expiresAt: row.expires_at } });
      });
      const token = encodeToken({ address: config.addresses.enrollment, secret, serverId: keys.serverId }, sha256);
      return ok({ token, info: tokenOf(row) });
    },
    async listTokens({ limit, after }) {
      let query = store.db.selectFrom('enroll_tokens').selectAll().orderBy('created_at', 'desc').orderBy('id', 'desc').limit(limit);
      if (after !== undefined) query = query.where((eb) => eb.or([eb('created_at', '<', after[0]), eb.and([eb('created_at', '=', after[0]), eb('id', '<', after[1])])]));
      return (await query.execute()).map(tokenOf);
    },
    async revokeToken(id, by) {
      const revoked = await serverEvents.transact(async (tx, record) => {
        const row = await tx.selectFrom('enroll_tokens').selectAll().where('id', '=', id).executeTakeFirst();
        if (row === undefined || row.revoked_at !== null) return row;
        const revokedAt = clock();
        await tx.updateTable('enroll_tokens').set({ revoked_at: revokedAt }).where('id', '=', id).execute();
        record({ type: 'enroll-token.revoked', fields: { by, token: id } });
        return { ...row, revoked_at: revokedAt };
      });
      return revoked === undefined ? err(failure('BELAY_E_NOT_PERMITTED')) : ok(tokenOf(revoked));
    },
  };
}

/** The secret has 256 random bits: a plain hash is enough, nobody can try them all. */
export function hashSecret(secret: string): Uint8Array {
  return createHash('sha256').update(`belay/enroll-token/v1:${secret}`).digest();
}

type TokenRow = {
  id: string; created_at: number; created_by: string; expires_at: number; uses_left: number; uses_total: number; groups: string; revoked_at: number | null;
};

function tokenOf(row: TokenRow): EnrollToken {
  return {
    id: row.id, createdAt: row.created_at, createdBy: row.created_by, expiresAt: row.expires_at, usesLeft: row.uses_left,
    usesTotal: row.uses_total, groups: JSON.parse(row.groups) as string[], revokedAt: row.revoked_at,
  };
}
