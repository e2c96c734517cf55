export type RequestState = 'pending' | 'approved' | 'denied' | 'cancelled' | 'expired' | 'used' | 'revoked';
export type GrantState = 'live' | 'used' | 'expired' | 'revoked' | 'ended';

/** Requests for approval, what people said to them, and the grants that came of it. */
export type RequestTables = {
  /** One row a request that a device filed; (device, number) is what the requester knows it by. */
  readonly requests: {
    readonly id: string;
    readonly device_id: string;
    readonly number: number;
    readonly uid: number;
    /** Inert; what was filed is in `details`. */
    readonly user_name: string;
    readonly state: RequestState;
    readonly stance: 'waiting' | 'ahead';
    readonly emergency: number;
    /** By the server's clock: when it arrived. */
    readonly filed_at: number;
    /** Nobody can say yes after it; it gets later when an approval with a longer time is the next. */
    readonly expires_at: number;
    readonly answered_at: number | null;
    /** When the present stage began, and when more people are asked; null: nobody more. */
    readonly stage_at: number;
    readonly escalates_at: number | null;
    /** JSON: the approvals demanded, each as filed, and which of them (by place) have been escalated. */
    readonly demands: string;
    readonly escalated: string;
    readonly have: number;
    readonly need: number;
    /** JSON: policy/rule each. */
    readonly rules: string;
    readonly policy_version: number;
    /** One line, inert. */
    readonly command: string;
    /** Inert. */
    readonly run_as: string;
    readonly reason: string | null;
    /** The same path, arguments and run-as identity on any device. */
    readonly command_key: string;
    readonly digest: Uint8Array;
    /** Of one that waits in place. */
    readonly session: Uint8Array | null;
    /** JSON: everything else that was filed. */
    readonly details: string;
    /** What the device is told: the state of the answer, and a version that grows with each change of it. */
    readonly answer: 'pending' | 'approved' | 'denied' | 'cancelled' | 'expired';
    readonly answer_version: number;
    /** The version that the device says it has. */
    readonly answer_acked: number;
    readonly answer_words: string;
    /** JSON: names. */
    readonly answer_by: string;
  };
  /** One a person and request. */
  readonly request_decisions: {
    readonly request_id: string;
    /** The person, or an account that is nobody's: counts once. */
    readonly holder: string;
    readonly account_id: string;
    readonly name: string;
    readonly decision: 'approved' | 'denied';
    readonly words: string | null;
    readonly at: number;
    readonly stage: number;
    /** JSON: the demands (by place) that this yes may count for. */
    readonly fits: string;
    /** What it narrows; null: nothing. */
    readonly for_ms: number | null;
    readonly uses: number | null;
    readonly exact: number;
    /** JSON: ids of the other devices that this yes is for. */
    readonly devices: string;
  };
  /** Other devices that a request is for as well, with the requester's user there. */
  readonly request_devices: { readonly request_id: string; readonly device_id: string; readonly user_name: string };
  /** Of an emergency, afterwards. */
  readonly request_reviews: { readonly request_id: string; readonly name: string; readonly words: string; readonly at: number };
  /** Filed while too many waited: answered with a no, the newest of each device until it has heard it. */
  readonly request_refusals: { readonly device_id: string; readonly number: number; readonly words: string; readonly at: number };
  /** Who has too many waiting; `uid` -1: the device. The first is recorded, the others are counted. */
  readonly request_excesses: {
    readonly device_id: string;
    readonly uid: number;
    readonly user_name: string;
    readonly number: number;
    readonly refused: number;
    readonly since: number;
    readonly noted: number;
  };
  /** One row a command that was started under a grant, by its request's number on the device. */
  readonly grant_uses: {
    readonly device_id: string;
    readonly number: number;
    readonly grant_id: string;
    readonly started_at: number;
    /** Null: it runs, as far as is known. */
    readonly ended_at: number | null;
  };
  readonly grants: {
    readonly id: string;
    readonly request_id: string;
    readonly device_id: string;
    readonly user_name: string;
    readonly command: string;
    /** As it is in manifests. */
    readonly envelope: Uint8Array;
    readonly state: GrantState;
    /** Null: no limit. */
    readonly uses: number | null;
    readonly spent: number;
    readonly issued_at: number;
    readonly expires_at: number;
    readonly ended_at: number | null;
    /** JSON: names. */
    readonly approved_by: string;
    readonly emergency: number;
  };
  /** A request written as a rule, for an author of policies to take up. */
  readonly proposals: {
    readonly id: string;
    readonly request_id: string;
    readonly yaml: string;
    readonly name: string;
    readonly account_id: string;
    readonly created_at: number;
    readonly state: 'open' | 'taken' | 'declined';
    readonly settled_by: string | null;
    readonly settled_at: number | null;
  };
};
