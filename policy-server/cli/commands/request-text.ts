import { details, inert, timeText } from '../text.ts';

export type Grant = {
  readonly id: string; readonly request: string | null; readonly device: { readonly id: string; readonly name: string }; readonly user: string; readonly command: string; readonly uses: number | null; readonly usesLeft: number | null;
  readonly issuedAt: number; readonly expiresAt: number; readonly state: string; readonly approvedBy: readonly string[]; readonly emergency: boolean;
};

export type RequestSummary = {
  readonly id: string; readonly number: number; readonly device: { readonly id: string; readonly name: string }; readonly user: string; readonly uid: number; readonly person: { readonly id: string; readonly name: string } | null;
  readonly command: string; readonly runAs: string; readonly reason: string | null; readonly state: string; readonly stance: 'waiting' | 'ahead'; readonly emergency: boolean; readonly filedAt: number; readonly expiresAt: number;
  readonly rules: readonly string[]; readonly approvals: readonly { readonly stage: number; readonly from: readonly string[]; readonly count: number; readonly have: number; readonly open: boolean }[];
  readonly mayAnswer: boolean; readonly whyNot: string | null; readonly answeredAt: number | null; readonly needsReview: boolean; readonly alsoOn: readonly string[];
};
type Past = { readonly command: string; readonly user: string; readonly device: string; readonly state: string; readonly filedAt: number };
type History = { readonly total: number; readonly approved: number; readonly denied: number; readonly last: readonly Past[] };
type Facts = Readonly<Record<string, string | number | boolean | null>>;

export type RequestDetail = RequestSummary & {
  readonly argv: readonly { readonly text: string; readonly exact: string }[]; readonly executable: string; readonly cwd: string; readonly environment: readonly string[]; readonly digest: string; readonly sha256: string | null;
  readonly package: { readonly name: string; readonly version: string; readonly repository: string | null; readonly key: string | null; readonly unmodified: boolean | null } | 'none' | null;
  readonly posture: Facts; readonly origin: Facts | null; readonly scope: { readonly text: string } | null; readonly forMs: number; readonly uses: number;
  readonly policy: { readonly version: number; readonly message: string | null; readonly explanation: readonly string[] }; readonly history: { readonly byUser: History; readonly byCommand: History };
  readonly decisions: readonly { readonly by: string; readonly decision: string; readonly words: string | null; readonly at: number; readonly stage: number; readonly alsoOn: readonly string[] }[];
  readonly elsewhere: readonly { readonly name: string; readonly user: string | null; readonly whyNot: string | null; readonly grant: Grant | null }[];
  readonly grant: Grant | null; readonly review: { readonly by: string; readonly words: string; readonly at: number } | null;
};

/** "4m", "2h 10m". */
export function durationText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes}m` : `${Math.floor(minutes / 60)}h ${minutes % 60}m`;
}

export function leftText(until: number): string {
  return durationText(until - Date.now());
}

type Pair = readonly [name: string, value: string];

/** SECURITY(T-29): every value goes through `details`, which makes it inert; each argument has a line of its own. */
export function describeRequest(request: RequestDetail): string {
  const { state, emergency, expiresAt, stance, mayAnswer, whyNot } = request;
  return details([
    ['Request', `${request.id}, number ${request.number} on the device`], ['State', `${emergency ? 'EMERGENCY, ' : ''}${state}${state === 'pending' ? `, ${leftText(expiresAt)} left` : ''}${request.needsReview ? ', to be reviewed' : ''}`],
    ['Who', `${request.user} (uid ${request.uid})${request.person === null ? ', linked to no person' : `, ${request.person.name}`}`], ['Device', `${request.device.name} (${request.device.id})`], ...elsewhereText(request),
    ['Asked', `${timeText(request.filedAt)}, ${stance === 'waiting' ? 'a command waits for it' : 'ahead'}`], ['Reason', request.reason ?? 'none given'],
    ['Executable', request.executable], ...request.argv.map(({ text }, index): Pair => [`  argument ${index + 1}`, text]), ['Runs as', request.runAs], ['Directory', request.cwd], ['Environment', request.environment.join(', ')],
    ...wanted(request), ['Package', packageText(request.package)], ...(request.sha256 === null ? [] : [['SHA-256', request.sha256] as const]), ['Digest', request.digest],
    ['Posture', factsText(request.posture)], ['Logged in', request.origin === null ? 'not known' : factsText(request.origin)],
    ['Policy', `version ${request.policy.version}${request.policy.message === null ? '' : `: ${request.policy.message}`}`], ...request.policy.explanation.map((line): Pair => ['  rule', line]),
    ...request.approvals.map(({ stage, from, count, have, open }): Pair => [`Approval${stage === 0 ? '' : `, stage ${stage + 1}`}`, `${have} of ${count} from ${from.join(' or ')}${open ? ', asked now' : ''}`]),
    ...history('This user', request.history.byUser), ...history('This command', request.history.byCommand),
    ...request.decisions.map(({ by, decision, words, at, alsoOn }): Pair => [decision === 'approved' ? 'Yes' : 'No', `${by}, ${timeText(at)}${alsoOn.length === 0 ? '' : `, also on ${alsoOn.join(', ')}`}${words === null ? '' : `: ${words}`}`]),
    ...(request.grant === null ? [] : [['Grant', grantText(request.grant)] as const]),
    ...request.elsewhere.flatMap(({ name, grant }): readonly Pair[] => (grant === null ? [] : [[`  on ${name}`, grantText(grant)]])),
    ...(request.review === null ? [] : [['Review', `${request.review.by}, ${timeText(request.review.at)}: ${request.review.words}`] as const]),
    ['You', mayAnswer ? `may answer: belayctl request approve ${inert(request.id)}` : `may not answer: ${whyNot ?? ''}`],
  ]);
}

function grantText(grant: Grant): string {
  return `${grant.id}, ${grant.state}, until ${timeText(grant.expiresAt)}, ${usesText(grant)}`;
}

function elsewhereText({ state, elsewhere }: RequestDetail): readonly Pair[] {
  return elsewhere.map(({ name, user, whyNot }) => ['Also on', `${name}${user === null ? '' : `, as ${user}`}${state === 'pending' && whyNot !== null ? `; not for you to answer: ${whyNot}` : ''}`]);
}

function wanted({ stance, forMs, uses, scope }: RequestDetail): readonly Pair[] {
  if (stance === 'waiting') return [];
  return [['Wanted', `${uses === 1 ? 'once' : `${uses} times`}${forMs === 0 ? '' : `, for ${durationText(forMs)}`}`], ...(scope === null ? [] : [['Scope', `instead of the exact command: ${scope.text}`] as const])];
}

export function usesText({ uses, usesLeft }: Pick<Grant, 'uses' | 'usesLeft'>): string {
  return uses === null ? 'any number of uses' : `${usesLeft} of ${uses} uses left`;
}

function packageText(owner: RequestDetail['package']): string {
  if (owner === null) return 'not known';
  if (owner === 'none') return 'no package owns this file';
  const { name, version, repository, key, unmodified } = owner;
  return `${name} ${version}${repository === null ? '' : ` from ${repository}`}${key === null ? ', signed by nobody' : `, signed by ${key}`}, ${unmodified === null ? 'not known whether it was modified' : unmodified ? 'unmodified' : 'MODIFIED'}`;
}

function factsText(facts: Facts): string {
  const parts = Object.entries(facts).filter(([, value]) => value !== null).map(([name, value]) => `${name}: ${String(value)}`);
  return parts.length === 0 ? 'not known' : parts.join(', ');
}

function history(title: string, { total, approved, denied, last }: History): readonly Pair[] {
  if (total === 0) return [[title, 'never asked before']];
  return [[title, `${total} earlier: ${approved} approved, ${denied} denied`], ...last.map((each): Pair => ['  earlier', `${timeText(each.filedAt)} ${each.state}: ${each.command} (${each.user} on ${each.device})`])];
}
