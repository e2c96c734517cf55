import { sha256 } from '../../core/node/crypto.ts';
import type { ByteString } from '../../core/src/bytes.ts';
import { type Ask, type CaseQuestion, questionIn as caseQuestion, type World } from '../../core/src/policy-tools/index.ts';

export type { Ask, World };

/** A question of a case file, for tests that make theirs in code. */
export function questionIn(world: World, ask: Ask & { readonly rulePaths?: readonly ByteString[] | undefined }): CaseQuestion {
  const { rulePaths, ...rest } = ask;
  return caseQuestion(world, rest, { sha256, rulePaths });
}
