import type { Generated } from 'kysely';
import type { Role } from '../features/accounts/permissions.ts';
import type { RequestTables } from './schema-requests.ts';

/**
 * The tables, alike on SQLite and PostgreSQL. Times are Unix milliseconds (integer / bigint), ids text, booleans 0 or 1,
 * bytes BLOB / bytea. Secrets are stored only as hashes; role keys are never here (design.md, "Keys").
 */
export type Tables = RequestTables & {
  /** One row a policy document of a version; a version is the whole set. */
  readonly policy_versions: {
    readonly version: number;
    readonly created_at: number;
    readonly created_by: string;
    readonly comment: string;
    /** The version whose content a rollback published again; null otherwise. */
    readonly rollback_of: number | null;
  };
  readonly policies: {
    readonly version: number;
    readonly name: string;
    readonly file_name: string;
    readonly source: string;
    readonly digest: Uint8Array;
    /** JSON of metadata and targets, for lists. */
    readonly summary: string;
  };
  readonly bundles: { readonly digest: Uint8Array; readonly content: Uint8Array; readonly created_at: number };
  readonly devices: {
    readonly id: string;
    readonly name: string;
    readonly hostname: string;
    readonly state: 'active' | 'revoked' | 'decommissioned';
    readonly evidence_key: Uint8Array;
    readonly enrolled_at: number;
    readonly enroll_token_id: string;
    readonly certificate_serial: string;
    readonly certificate_expires_at: number;
    readonly last_seen_at: number | null;
    readonly silent_since: number | null;
    readonly manifest_number: number;
    readonly manifest_epoch: number;
    readonly agent_version: string;
    readonly inventory: string;
    readonly problems: string;
    /** Last manifest number issued to it. */
    readonly issued_number: number;
    /** Whose machine it is; null: nobody said. */
    readonly owner_person_id: string | null;
  };
  readonly device_labels: { readonly device_id: string; readonly key: string; readonly value: string };
  readonly device_groups: { readonly device_id: string; readonly group_name: string };
  readonly enroll_tokens: {
    readonly id: string;
    readonly secret_hash: Uint8Array;
    readonly created_at: number;
    readonly created_by: string;
    readonly expires_at: number;
    readonly uses_left: number;
    readonly uses_total: number;
    readonly groups: string;
    readonly revoked_at: number | null;
  };
  /** Where each evidence chain stands: devices' and servers' own. */
  readonly chains: {
    readonly chain: Uint8Array;
    readonly device_id: string;
    readonly genesis_key: Uint8Array;
    readonly seq: number;
    readonly head: Uint8Array;
    readonly key_index: number;
    readonly public_key: Uint8Array;
    /** `gap`: events are missing; it goes on when they come after all. `refused`: a fork that the device itself has signed. */
    readonly state: 'good' | 'gap' | 'refused';
    readonly updated_at: number;
  };
  readonly events: {
    /** Order of arrival, made by the database: the cursor of lists and tails. */
    readonly id: Generated<number>;
    readonly chain: Uint8Array;
    readonly seq: number;
    readonly device_id: string;
    readonly type: string;
    readonly device_time: number;
    readonly server_time: number;
    readonly user_name: string | null;
    readonly uid: number | null;
    readonly request: number | null;
    readonly rule: string | null;
    /** Text for search: command, user, rule; control characters made inert. */
    readonly summary: string;
    readonly record: Uint8Array;
  };
  readonly receipts: { readonly chain: Uint8Array; readonly seq: number; readonly time: number; readonly envelope: Uint8Array };
  readonly accounts: {
    readonly id: string;
    readonly name: string;
    /** Empty: this account has no password. */
    readonly password_hash: string;
    readonly disabled: number;
    readonly created_at: number;
    readonly failed_logins: number;
    readonly locked_until: number | null;
    readonly person_id: string | null;
    readonly email: string | null;
    /** JSON: the directory's groups, as of the last single sign-on. */
    readonly groups: string;
    /** Sealed with the server's own key; null: no codes are asked for. */
    readonly totp_secret: Uint8Array | null;
    /** The last time step a code was taken of: each code once. */
    readonly totp_step: number | null;
    readonly last_login_at: number | null;
  };
  /** Login sessions of people and service tokens. */
  readonly api_tokens: {
    readonly id: string;
    readonly secret_hash: Uint8Array;
    readonly account_id: string | null;
    readonly name: string;
    readonly kind: 'session' | 'service';
    /** How its secret comes: a browser's cookie is no bearer token, nor the other way round. */
    readonly transport: 'bearer' | 'cookie';
    /** JSON: all that a service token may do of what its roles give; null: whatever they give. */
    readonly permissions: string | null;
    /** Address and program it was signed in from, for its owner to recognise; null of service tokens. */
    readonly peer: string | null;
    readonly agent: string | null;
    readonly created_at: number;
    readonly created_by: string;
    readonly expires_at: number;
    readonly last_used_at: number | null;
    readonly revoked_at: number | null;
  };
  /** The last manifest issued to each device: what it may fetch, and what need not be issued again. */
  readonly manifests: {
    readonly device_id: string;
    readonly epoch: number;
    readonly number: number;
    /** Hash of everything in it but number and times. */
    readonly content_hash: Uint8Array;
    /** JSON: bundle digests as hexadecimal. */
    readonly bundles: string;
    readonly envelope: Uint8Array;
    readonly issued_at: number;
    readonly expires_at: number;
  };
  /** Signed orders that devices may still carry out; a device does each once. */
  readonly orders: {
    readonly id: string;
    readonly device_id: string;
    readonly envelope: Uint8Array;
    readonly issued_at: number;
    readonly expires_at: number;
  };
  /** Human beings: what accounts and users on devices have in common. */
  readonly persons: { readonly id: string; readonly name: string; readonly email: string | null; readonly manager_id: string | null; readonly created_at: number };
  /** A person's users on devices. `device_id` null: on every device. */
  readonly person_users: { readonly person_id: string; readonly device_id: string | null; readonly user_name: string };
  /** `holder` is an account or a service token; `device_group` `*` is every device. */
  readonly role_bindings: {
    readonly holder: string;
    readonly role: Role;
    readonly device_group: string;
    /** `local`: given by a person; `oidc:ID`: by that provider's claims, anew at each sign-on. */
    readonly source: string;
  };
  readonly recovery_codes: { readonly account_id: string; readonly code_hash: Uint8Array; readonly used_at: number | null };
  readonly passkeys: {
    /** The credential's own id, base64url. */
    readonly id: string;
    readonly account_id: string;
    /** COSE. */
    readonly public_key: Uint8Array;
    readonly counter: number;
    /** JSON. */
    readonly transports: string;
    readonly name: string;
    readonly created_at: number;
    readonly last_used_at: number | null;
  };
  /** Who an account is to a single sign-on provider. */
  readonly identities: { readonly issuer: string; readonly subject: string; readonly account_id: string; readonly created_at: number };
  /** What a sign-in that is not finished yet waits for; each is taken once. */
  readonly challenges: {
    readonly id: string;
    readonly kind: 'second-factor' | 'passkey' | 'passkey-add' | 'totp-add' | 'oidc';
    readonly account_id: string | null;
    /** JSON, sealed with the server's own key. */
    readonly data: Uint8Array;
    readonly tries: number;
    readonly expires_at: number;
  };
  /** What was answered to a request that carried an Idempotency-Key; `status` null: it is being worked on. */
  readonly idempotency: {
    readonly holder: string;
    readonly route: string;
    readonly key: string;
    readonly body_hash: Uint8Array;
    readonly status: number | null;
    readonly content: string | null;
    readonly created_at: number;
  };
  /**
   * What is to be told to somebody outside. First one row a notice, in the transaction of what it is about; a worker makes a
   * row of each letter and each webhook call of it, and works those off.
   */
  readonly outbox: {
    /** Of a letter or call: what its receiver knows repetitions by. */
    readonly id: string;
    readonly kind: string;
    /** JSON of the notice, see features/notices/notice.ts. */
    readonly payload: string;
    readonly channel: 'notice' | 'email' | 'webhook';
    /** Address of e-mail or id of a webhook; empty for a notice. */
    readonly target: string;
    readonly created_at: number;
    readonly attempts: number;
    readonly next_at: number;
    /** Another server may take it up from then on; null: nobody works on it. */
    readonly claimed_until: number | null;
    readonly claimed_by: string | null;
    readonly done_at: number | null;
    /** Of something done: `delivered`, `failed` (given up) or `dropped` (nobody needs it any more). */
    readonly outcome: 'delivered' | 'failed' | 'dropped' | null;
    readonly last_error: string | null;
  };
  readonly webhooks: {
    readonly id: string;
    readonly name: string;
    readonly url: string;
    /** Sealed with the server's own key. */
    readonly secret: Uint8Array;
    /** The one before a rotation, which signs too until `old_until`. */
    readonly old_secret: Uint8Array | null;
    readonly old_until: number | null;
    /** JSON: types of notices; an empty list: all. */
    readonly events: string;
    readonly disabled: number;
    readonly created_at: number;
    readonly created_by: string;
    readonly last_success_at: number | null;
    readonly last_failure_at: number | null;
    readonly last_failure: string | null;
  };
  /** Counters that must survive a restart: epoch, role key list version. */
  readonly settings: { readonly key: string; readonly value: string };
};
