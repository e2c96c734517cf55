/**
 * The catalogue: every event, its fields and their kinds. `docs/events.md` is generated from it. A `hidden` field enters the
 * signed payload as a salted commitment, so that it can be redacted later and the chain stays valid.
 */
export type FieldKind = 'text' | 'number' | 'boolean' | 'bytes' | 'texts' | 'byte-list';
export type FieldSpec = { readonly kind: FieldKind; readonly hidden?: true; readonly optional?: true; readonly about: string };
export type EventWriter = 'device' | 'server';
export type EventSpec = { readonly writer: EventWriter; readonly about: string; readonly fields: Readonly<Record<string, FieldSpec>> };

const request = { kind: 'number', about: 'The request\'s number on this device, as shown to the person' } as const;
const uid = { kind: 'number', about: 'Real user id of the requester, from the kernel' } as const;
const uidHere = { kind: 'number', optional: true, about: 'Real user id of the requester; absent of a grant that is bound by name: asked on another device' } as const;
const user = { kind: 'text', optional: true, about: 'Name of that user; absent when the id has none' } as const;
const rules = { kind: 'texts', about: 'The rules that decided, as policy/rule' } as const;
const by = { kind: 'text', about: 'Account or service token that did it' } as const;
const device = { kind: 'text', about: 'Device id' } as const;
const account = { kind: 'text', about: 'Name of the account' } as const;
const person = { kind: 'text', about: 'Id of the person' } as const;
const factor = { kind: 'text', about: 'codes (of an app), recovery-codes, or passkey NAME' } as const;
const peer = { kind: 'text', optional: true, about: 'Address it came from' } as const;
const grant = { kind: 'text', about: 'Grant id' } as const;
const asked = { kind: 'text', about: 'Id of the request for approval on the server' } as const;
const webhook = { kind: 'text', about: 'Webhook id' } as const;
const webhookName = { kind: 'text', about: 'Its name' } as const;
const roleKeys = { kind: 'number', optional: true, about: 'Version of the list of role keys it signs with' } as const;
const epoch = { kind: 'number', optional: true, about: 'Epoch of the manifests it issues' } as const;
const code = { kind: 'text', about: 'Error code, see errors.md' } as const;

const act = {
  request,
  door: { kind: 'text', about: 'Which front end brought it: sudo' },
  uid,
  user,
  runAsUid: { kind: 'number', about: 'User id the command runs as' },
  runAsGid: { kind: 'number', about: 'Group id the command runs as' },
  rules,
  manifest: { kind: 'number', about: 'Number of the manifest in force' },
  command: { kind: 'bytes', hidden: true, about: 'Resolved path of the executable; empty when there is none' },
  argv: { kind: 'byte-list', hidden: true, about: 'The arguments after argv[0], one by one' },
  cwd: { kind: 'bytes', hidden: true, about: 'Working directory' },
  terminal: { kind: 'number', about: 'Device number of the controlling terminal; 0: none' },
  sessionId: { kind: 'number', about: 'Login session (session leader\'s pid)' },
  alert: { kind: 'text', optional: true, about: 'low, medium or high, where a rule wants the SOC told' },
} as const;

const recording = {
  recordingHash: { kind: 'bytes', optional: true, about: 'Hash of the session\'s recording, by its chain: see recording-format.md' },
  recordingBytes: { kind: 'number', optional: true, about: 'How much of the recording that is the hash of' },
  recordingMs: { kind: 'number', optional: true, about: 'How long was recorded' },
  recordingCut: { kind: 'text', optional: true, about: 'Why the recording is not whole. limit: it was full; unwritable: it could not be written any more; lost: nobody told its end, and it is what was found' },
} as const;

export const EVENT_TYPES = {
  'agent.started': { writer: 'device', about: 'belayd is up', fields: { version: { kind: 'text', about: 'Version of the agent' }, lost: { kind: 'number', about: 'Elevations whose outcome the last run never learnt' } } },
  'agent.stopped': { writer: 'device', about: 'belayd was asked to stop', fields: {} },
  'agent.fault': { writer: 'device', about: 'An unexpected exception; the request it happened in was denied', fields: { request: { ...request, optional: true }, where: { kind: 'text', about: 'Part of belayd' } } },
  'agent.enrolled': { writer: 'device', about: 'First event of an enrolled device\'s chain', fields: { address: { kind: 'text', about: 'Enrolment address of the server' } } },
  'agent.heartbeat': { writer: 'device', about: 'Nothing else was to be said for a while, and a rule in force ends when the server is silent', fields: {} },
  'policy.applied': { writer: 'device', about: 'A manifest came into force', fields: { epoch: { kind: 'number', about: 'Its epoch' }, number: { kind: 'number', about: 'Its number' }, issuedAt: { kind: 'number', about: 'When it was issued, ms' } } },
  'policy.refused': { writer: 'device', about: 'A manifest, bundle or key list was refused; what was in force stays', fields: { code, what: { kind: 'text', about: 'manifest, bundle, role-keys, order, grant, answer or time' } } },
  'elevation.intent': {
    writer: 'device',
    about: 'Written, durably, before the command runs',
    fields: {
      ...act,
      digest: { kind: 'bytes', about: 'Digest of the exact request' },
      sha256: { kind: 'text', optional: true, about: 'SHA-256 of what runs, where a rule pins it' },
      reason: { kind: 'text', hidden: true, optional: true, about: 'What the requester gave as the reason' },
      reauthenticated: { kind: 'boolean', about: 'Whether a password was entered for it' },
      outsideRules: { kind: 'boolean', about: 'uid 0 ran what it could run anyway' },
      grant: { kind: 'text', optional: true, about: 'The grant that stood for the approval; this is one of its uses' },
      environment: { kind: 'byte-list', hidden: true, about: 'Names of the variables kept or set' },
      recording: { kind: 'text', optional: true, about: 'Where a rule wants the session recorded. session: it is; unable: it cannot be, and the rule bears that' },
    },
  },
  'elevation.denied': { writer: 'device', about: 'A request was refused', fields: { ...act, why: { kind: 'text', about: 'denied-by-rule, no-rule, unsafe-file, no-policy, not-found, bad-request, reason-refused, not-confirmed, reauth-failed, timeout, fault, expired, abandoned, approval-denied, approval-expired, approval-needed, recorder-unable' } } },
  'request.filed': {
    writer: 'device',
    about: 'Somebody asks for approval: all that the approver needs to judge it',
    fields: {
      ...act,
      stance: { kind: 'text', about: 'waiting: a command waits for it in place; ahead: it is asked for before it is wanted' },
      digest: { kind: 'bytes', about: 'Digest of the exact request' },
      sha256: { kind: 'text', optional: true, about: 'SHA-256 of the file, where it was taken' },
      session: { kind: 'bytes', optional: true, about: 'With waiting: what ties the answer to the login session' },
      reason: { kind: 'text', hidden: true, optional: true, about: 'What the requester gave as the reason' },
      reauthenticated: { kind: 'boolean', about: 'Whether a password was entered for it' },
      runAs: { kind: 'text', about: 'user:group that the command runs as, by name where there is one' },
      environment: { kind: 'byte-list', hidden: true, about: 'Names of the variables kept or set' },
      approval: { kind: 'texts', about: 'Each approval that is demanded, as approvalText writes it' },
      forMs: { kind: 'number', about: 'For how long it is wanted, ms; 0: not said' },
      uses: { kind: 'number', about: 'How often it is wanted' },
      scope: { kind: 'text', optional: true, about: 'JSON: commands instead of the exact request, as in a grant' },
      package: { kind: 'text', optional: true, about: 'JSON: the package that owns the file, its version, repositories, signing keys, whether it is unmodified; "none": no package does; absent: not known' },
      posture: { kind: 'text', about: 'JSON: how the device stands' },
      origin: { kind: 'text', optional: true, about: 'JSON: how the requester has logged in, and from where' },
      emergency: { kind: 'boolean', about: 'Break-glass: an emergency rule asks' },
      alsoOn: { kind: 'texts', optional: true, about: 'Names of other devices that it is asked for as well' },
    },
  },
  'request.cancelled': { writer: 'device', about: 'A request for approval is no longer wanted', fields: { request, uid, user, why: { kind: 'text', about: 'by-requester, abandoned (the waiting command ended), or expired' } } },
  'request.answered': { writer: 'device', about: 'The answer to a request for approval has arrived', fields: { request, uid, user, state: { kind: 'text', about: 'approved, denied, cancelled or expired' }, version: { kind: 'number', about: 'Version of the answer' } } },
  'grant.received': { writer: 'device', about: 'A grant came into force', fields: { grant, request: { ...request, about: `${request.about}; 0: asked on another device` }, uid: uidHere, user } },
  'grant.ended': { writer: 'device', about: 'A grant is over', fields: { grant, uid: uidHere, user, why: { kind: 'text', about: 'used, expired, given-back, revoked, or withdrawn (the server no longer lists it)' } } },
  'session.ended': { writer: 'device', about: 'A running command was ended by Belay', fields: { request, uid, user, grant, why: { kind: 'text', about: 'revoked or expired' }, processes: { kind: 'number', about: 'Processes that were ended' } } },
  'elevation.observed': {
    writer: 'device',
    about: 'Monitor mode: another policy plugin decided; what would have been decided here',
    fields: {
      ...act,
      seen: { kind: 'text', about: 'What was answered: allowed or refused' },
      would: { kind: 'text', about: 'What would have been decided if every policy were enforced: allow, ask or deny' },
      why: { kind: 'text', optional: true, about: 'Of a deny, as in elevation.denied' },
    },
  },
  'elevation.outcome': {
    writer: 'device',
    about: 'How an elevated command ended',
    fields: {
      request,
      uid,
      user,
      end: { kind: 'text', about: 'exited, signaled, exec-failed, sudo-error, refused-at-commit, or lost: the connection broke first' },
      value: { kind: 'number', about: 'Exit code, signal or errno; 0 with exec-failed: only the person was told why' },
      durationMs: { kind: 'number', about: 'From the go to the end' },
      ...recording,
    },
  },
  'recording.dropped': {
    writer: 'device',
    about: 'A recording is no longer kept on the device',
    fields: { request, bytes: { kind: 'number', about: 'Its size' }, why: { kind: 'text', about: 'retention: its time is over; room: all recordings together were too large' } },
  },
  'elevation.listed': { writer: 'device', about: 'Somebody asked what they may run', fields: { request, uid, user } },
  'reauth.failed': { writer: 'device', about: 'A password demanded by a rule was not given', fields: { request, uid, user, attempts: { kind: 'number', about: 'Passwords tried' } } },
  'evidence.checkpoint': { writer: 'device', about: 'Seals the events before it; the key evolves and the old one is erased', fields: { nextKey: { kind: 'bytes', about: 'Public key of the events that follow' } } },
  'journal.pressure': {
    writer: 'device',
    about: 'The journal could not be written or was full',
    fields: {
      refused: { kind: 'number', about: 'Requests refused, and other events dropped, since' },
      lost: { kind: 'number', optional: true, about: 'Elevations without evidence since, as a rule says onFailure.diskFull: allow, or root\'s own' },
    },
  },

  'clock.changed': { writer: 'device', about: 'The wall clock was set: it moved against the time since boot', fields: { byMs: { kind: 'number', about: 'By how much, ms; negative: back' } } },

  'server.started': { writer: 'server', about: 'A server process is up', fields: { version: { kind: 'text', about: 'Version' }, roleKeys, epoch } },
  'server.keys-reloaded': { writer: 'server', about: 'A server process took a newer list of role keys without being started again', fields: { roleKeys, epoch } },
  'server.stopped': { writer: 'server', about: 'A server process was asked to stop', fields: {} },
  'admin.login': { writer: 'server', about: 'Somebody signed in', fields: { by, how: { kind: 'text', optional: true, about: 'password, password+code, password+recovery-code, password+passkey, passkey, or oidc:ID' }, peer } },
  'admin.login-failed': { writer: 'server', about: 'A sign-in failed', fields: { name: { kind: 'text', about: 'Account name as given' }, how: { kind: 'text', optional: true, about: 'What was tried: password, code, passkey, or oidc:ID' }, peer } },
  'admin.token-created': { writer: 'server', about: 'A service token was made', fields: { by, name: { kind: 'text', about: 'Its name' }, role: { kind: 'text', about: 'Its role' } } },
  'admin.token-revoked': { writer: 'server', about: 'A token was revoked, or somebody signed out', fields: { by, name: { kind: 'text', about: 'Its name' } } },
  'account.created': { writer: 'server', about: 'An account was made', fields: { by, account, name: { kind: 'text', about: 'Its name' } } },
  'account.disabled': { writer: 'server', about: 'An account was disabled; its sessions are over', fields: { by, account } },
  'account.enabled': { writer: 'server', about: 'An account may sign in again', fields: { by, account } },
  'account.locked': { writer: 'server', about: 'Too many sign-ins failed: an account is locked for a while', fields: { account, until: { kind: 'number', about: 'ms' } } },
  'account.password-set': { writer: 'server', about: 'A password was set; other sessions of the account are over', fields: { by, account } },
  'account.factor-added': { writer: 'server', about: 'A factor of signing in was added', fields: { by, account, factor } },
  'account.factor-removed': { writer: 'server', about: 'A factor of signing in was removed', fields: { by, account, factor } },
  'account.person-set': { writer: 'server', about: 'An account is somebody\'s now', fields: { by, account, person: { ...person, optional: true, about: 'Id of the person; absent: nobody\'s' } } },
  'account.directory': { writer: 'server', about: 'Single sign-on told other groups of an account', fields: { account, provider: { kind: 'text', about: 'Which provider' }, groups: { kind: 'texts', about: 'The groups it told' } } },
  'role.given': { writer: 'server', about: 'An account was given a role', fields: { by, account, role: { kind: 'text', about: 'Role' }, groups: { kind: 'texts', about: 'Device groups; * is every device' } } },
  'role.taken': { writer: 'server', about: 'A role was taken from an account', fields: { by, account, role: { kind: 'text', about: 'Role' }, groups: { kind: 'texts', about: 'Device groups; * is every device' } } },
  'person.created': { writer: 'server', about: 'A person was made', fields: { by, person, name: { kind: 'text', about: 'Name' } } },
  'person.updated': { writer: 'server', about: 'Name, address or manager of a person were changed', fields: { by, person, change: { kind: 'text', about: 'What changed' } } },
  'person.user-linked': { writer: 'server', about: 'A user on devices is a person\'s', fields: { by, person, user: { kind: 'text', about: 'User name' }, device: { ...device, optional: true, about: 'Device id; absent: on every device' } } },
  'person.user-unlinked': { writer: 'server', about: 'A user on devices is not a person\'s any more', fields: { by, person, user: { kind: 'text', about: 'User name' }, device: { ...device, optional: true, about: 'Device id; absent: on every device' } } },
  'enroll-token.created': { writer: 'server', about: 'An enrolment token was made', fields: { by, token: { kind: 'text', about: 'Its id' }, uses: { kind: 'number', about: 'How often it can be used' }, expiresAt: { kind: 'number', about: 'ms' } } },
  'enroll-token.revoked': { writer: 'server', about: 'An enrolment token was revoked', fields: { by, token: { kind: 'text', about: 'Its id' } } },
  'enroll-token.refused': { writer: 'server', about: 'Somebody tried to enrol and was refused', fields: { peer: { kind: 'text', about: 'Address of the caller' }, why: { kind: 'text', about: 'unknown, expired, spent, revoked or bad-proof' } } },
  'device.enrolled': { writer: 'server', about: 'A device was enrolled', fields: { device, name: { kind: 'text', about: 'Its name' }, token: { kind: 'text', about: 'Enrolment token used' } } },
  'device.renewed': { writer: 'server', about: 'A device certificate was renewed', fields: { device } },
  'device.updated': { writer: 'server', about: 'Name, labels or groups were changed', fields: { by, device, change: { kind: 'text', about: 'What changed' } } },
  'device.revoked': { writer: 'server', about: 'A device was revoked', fields: { by, device } },
  'device.decommissioned': { writer: 'server', about: 'A device left the fleet', fields: { by, device } },
  'device.silent': { writer: 'server', about: 'Nothing was heard from a device for longer than the threshold', fields: { device, lastSeenAt: { kind: 'number', about: 'ms' } } },
  'device.returned': { writer: 'server', about: 'A silent device is back', fields: { device } },
  'policy.published': { writer: 'server', about: 'A policy version came into force', fields: { by, version: { kind: 'number', about: 'Its number' }, policies: { kind: 'texts', about: 'Names of its policies' } } },
  'policy.rolled-back': { writer: 'server', about: 'An old version\'s content was published again', fields: { by, version: { kind: 'number', about: 'New number' }, of: { kind: 'number', about: 'Version whose content it is' } } },
  'request.approved': { writer: 'server', about: 'Somebody approved a request', fields: { by, device, asked, request, have: { kind: 'number', about: 'Approvals given' }, need: { kind: 'number', about: 'Approvals needed' }, words: { kind: 'text', optional: true, about: 'What the approver said' }, alsoOn: { kind: 'texts', optional: true, about: 'Ids of other devices that the yes is for as well' } } },
  'request.denied': { writer: 'server', about: 'Somebody denied a request, or its device was revoked', fields: { by, device, asked, request, words: { kind: 'text', optional: true, about: 'What the approver said' } } },
  'request.expired': { writer: 'server', about: 'Nobody answered a request in time', fields: { device, asked, request } },
  'request.escalated': { writer: 'server', about: 'More people may approve a request, as its rule says', fields: { device, asked, request, to: { kind: 'texts', about: 'Who may approve now as well' } } },
  'request.refused': { writer: 'server', about: 'A request was not taken: too many wait', fields: { device, request, uid, user, why: { kind: 'text', about: 'too-many-of-user or too-many-of-device' } } },
  'request.answer-refused': { writer: 'server', about: 'Somebody tried to answer a request and may not', fields: { by, device, asked, request, why: { kind: 'text', about: 'own-request, own-device, own-rule, not-approver, twice or not-pending' } } },
  'request.reviewed': { writer: 'server', about: 'An emergency was looked at afterwards', fields: { by, device, asked, request, words: { kind: 'text', about: 'What the reviewer found' } } },
  'emergency.opened': { writer: 'server', about: 'An emergency rule was approved: everybody is told', fields: { device, asked, request, grant } },
  'grant.issued': { writer: 'server', about: 'A grant was signed', fields: { by, device, asked, grant, expiresAt: { kind: 'number', about: 'ms' }, uses: { kind: 'number', about: 'How often it may be used; 0: no limit' } } },
  'grant.revoked': { writer: 'server', about: 'A grant was taken back', fields: { by, device, grant, words: { kind: 'text', optional: true, about: 'Why' } } },
  'rule.proposed': { writer: 'server', about: 'A request was turned into a proposed rule', fields: { by, asked, proposal: { kind: 'text', about: 'Id of the proposal' } } },
  'rule.proposal-settled': { writer: 'server', about: 'A proposed rule was taken up or turned down', fields: { by, proposal: { kind: 'text', about: 'Id of the proposal' }, outcome: { kind: 'text', about: 'taken or declined' } } },
  'notice.failed': { writer: 'server', about: 'A notice could not be delivered and is given up', fields: { to: { kind: 'text', about: 'E-mail or webhook, by its name' }, about: { kind: 'text', about: 'What it was about' } } },
  'webhook.created': { writer: 'server', about: 'A webhook was made', fields: { by, webhook, name: webhookName, host: { kind: 'text', about: 'Host that is called' }, kinds: { kind: 'texts', about: 'Kinds of notices it is called for; none: all' } } },
  'webhook.deleted': { writer: 'server', about: 'A webhook was deleted', fields: { by, webhook, name: webhookName } },
  'webhook.rotated': { writer: 'server', about: 'A webhook got a new secret', fields: { by, webhook, name: webhookName, oldUntil: { kind: 'number', about: 'Until when the old one signs too, ms' } } },
  'webhook.disabled': { writer: 'server', about: 'A webhook was switched off: its receiver said that nobody listens there any more', fields: { webhook, name: webhookName, why: { kind: 'text', about: 'What it answered' } } },
  'webhook.enabled': { writer: 'server', about: 'A test of a webhook that was switched off succeeded: it is on again', fields: { by, webhook, name: webhookName } },
  'evidence.gap': { writer: 'server', about: 'Events are missing that the device no longer has', fields: { device, expected: { kind: 'number', about: 'First missing sequence number' }, earliest: { kind: 'number', about: 'First one the device still has' } } },
  'evidence.fork': { writer: 'server', about: 'Two different events claim one place', fields: { device, seq: { kind: 'number', about: 'That place' } } },
  'evidence.refused': { writer: 'server', about: 'An event does not follow or its signature does not hold', fields: { device, seq: { kind: 'number', about: 'Its place' }, code } },
} as const satisfies Readonly<Record<string, EventSpec>>;

export type EventType = keyof typeof EVENT_TYPES;

type ValueOf<K extends FieldKind> = K extends 'text' ? string : K extends 'number' ? number : K extends 'boolean' ? boolean : K extends 'bytes' ? Uint8Array : K extends 'texts' ? readonly string[] : readonly Uint8Array[];
type OptionalNames<F> = { [N in keyof F]: F[N] extends { readonly optional: true } ? N : never }[keyof F];
type FieldsOf<F extends Readonly<Record<string, FieldSpec>>> = {
  readonly [N in Exclude<keyof F, OptionalNames<F>>]: ValueOf<F[N]['kind']>;
} & { readonly [N in OptionalNames<F>]?: ValueOf<F[N]['kind']> | undefined };

/** An event before it is chained: its type and exactly the catalogue's fields. */
export type EventDraft = { [T in EventType]: { readonly type: T; readonly fields: FieldsOf<(typeof EVENT_TYPES)[T]['fields']> } }[EventType];

/** The server writes checkpoints into its own chains too. */
export function mayWrite(writer: EventWriter, type: string): boolean {
  const spec = specOf(type);
  return spec !== undefined && (spec.writer === writer || type === 'evidence.checkpoint');
}

export function specOf(type: string): EventSpec | undefined {
  return Object.hasOwn(EVENT_TYPES, type) ? EVENT_TYPES[type as EventType] : undefined;
}

type Fields = Readonly<Record<string, unknown>>;
type Disclosed = readonly (readonly [name: string, salt: Uint8Array, value: unknown])[];

/**
 * Whether an event's fields are the catalogue's: each where it belongs (plain or committed to) and of its kind. A field
 * may be absent, as the catalogue grows and old events stay valid; one that the catalogue lacks is a fault.
 */
export function fieldFault(type: string, fields: Fields, hidden: Fields, disclosed: Disclosed): string | undefined {
  const specs = specOf(type)?.fields;
  if (specs === undefined) return 'Its type is unknown.';
  for (const name of Object.keys(fields)) {
    const spec = Object.hasOwn(specs, name) ? specs[name] : undefined;
    if (spec === undefined || spec.hidden === true || !isOfKind(spec.kind, fields[name])) return 'It has a field that its type does not have.';
  }
  for (const name of Object.keys(hidden)) {
    if (!Object.hasOwn(specs, name) || specs[name]?.hidden !== true) return 'It has a field that its type does not have.';
  }
  const isWrong = disclosed.some(([name, , value]) => !isOfKind((specs[name] as FieldSpec).kind, value));
  if (isWrong) return 'It has a field that its type does not have.';
  return type === 'evidence.checkpoint' && !isKey(fields['nextKey']) ? 'The checkpoint names no next key.' : undefined;
}

function isKey(value: unknown): boolean {
  return ArrayBuffer.isView(value) && value.byteLength === 32;
}

function isOfKind(kind: FieldKind, value: unknown): boolean {
  switch (kind) {
    case 'text':
      return typeof value === 'string';
    case 'number':
      return Number.isSafeInteger(value);
    case 'boolean':
      return typeof value === 'boolean';
    case 'bytes':
      return isBytes(value);
    case 'texts':
      return Array.isArray(value) && value.every((each) => typeof each === 'string');
    case 'byte-list':
      return Array.isArray(value) && value.every(isBytes);
  }
}

/** Not `instanceof`: under test each realm has a Uint8Array of its own. */
function isBytes(value: unknown): boolean {
  return ArrayBuffer.isView(value);
}
