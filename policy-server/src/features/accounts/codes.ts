import { randomBytes } from 'node:crypto';
import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import type { AccountRow } from './account-row.ts';
import { base32, matchingStep } from './totp.ts';

export type CodeDeps = Pick<ServerContext, 'secrets' | 'clock'>;

const RECOVERY_CODES = 10;
const RECOVERY_BYTES = 10;

/** Spends a code of the app, or a recovery code: each counts once, also when two try at the same moment. */
export async function spendCode(tx: Db, { secrets, clock }: CodeDeps, account: AccountRow, given: string): Promise<'code' | 'recovery-code' | undefined> {
  const code = given.replaceAll(/[\s-]/g, '').toUpperCase();
  if (account.totp_secret === null) return undefined;
  if (/^[A-Z2-7]{16}$/.test(code)) {
    const hash = hashOf(secrets, account.id, code);
    const used = await tx.updateTable('recovery_codes').set({ used_at: clock() }).where('account_id', '=', account.id).where('code_hash', '=', hash).where('used_at', 'is', null).executeTakeFirst();
    return used.numUpdatedRows > 0n ? 'recovery-code' : undefined;
  }
  const secret = secrets.open(purposeOf(account.id), account.totp_secret);
  const step = secret === undefined ? undefined : matchingStep(secret, code, clock());
  if (step === undefined) return undefined;
  // SECURITY(T-53): a step later than the last one that was used: a code that was seen, or read over a shoulder, is worth nothing.
  const spent = await tx.updateTable('accounts').set({ totp_step: step }).where('id', '=', account.id)
    .where((eb) => eb.or([eb('totp_step', 'is', null), eb('totp_step', '<', step)])).executeTakeFirst();
  return spent.numUpdatedRows > 0n ? 'code' : undefined;
}

/** In place of all older ones. Shown once; only their hashes are kept, by a key that is not in the database. */
export async function makeRecoveryCodes(tx: Db, { secrets }: Pick<CodeDeps, 'secrets'>, accountId: string): Promise<readonly string[]> {
  const codes = Array.from({ length: RECOVERY_CODES }, () => base32(randomBytes(RECOVERY_BYTES)));
  await tx.deleteFrom('recovery_codes').where('account_id', '=', accountId).execute();
  await tx.insertInto('recovery_codes').values(codes.map((code) => ({ account_id: accountId, code_hash: hashOf(secrets, accountId, code), used_at: null }))).execute();
  return codes.map((code) => (code.match(/.{4}/g) as string[]).join('-').toLowerCase());
}

function hashOf(secrets: CodeDeps['secrets'], accountId: string, code: string): Uint8Array {
  return secrets.mac('recovery-code', `${accountId}:${code}`);
}

export function purposeOf(accountId: string): string {
  return `totp/${accountId}`;
}
