import type { Db } from '../../store/index.ts';
import type { RequestFacts } from './notice.ts';

/** Somebody to write to. */
export type Recipient = { readonly name: string; readonly email: string };

/**
 * Who is to be told: asked when the letters are made, right after the notice was committed. Only accounts that are open and have
 * an address. The rules behind it belong to people and requests.
 */
export interface Audience {
  /** Those who may answer the request now: by role, group, name or as the manager, in scope of the device, never the requester. */
  approversOf(db: Db, request: RequestFacts): Promise<readonly Recipient[]>;
  /** The person who asked, where the user of the device is linked to one. */
  requesterOf(db: Db, request: RequestFacts): Promise<readonly Recipient[]>;
  /** Every approver, operator and administrator. */
  everybody(db: Db): Promise<readonly Recipient[]>;
}
