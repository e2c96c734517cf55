import { isUtf8 } from 'node:buffer';
import { isDeepStrictEqual } from 'node:util';
import { exactScope } from '@belay/core/grants';
import { type CompiledRule, type RunTarget } from '@belay/core/policy';
import { demandTexts, limitTexts } from '@belay/core/policy-tools';
import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import { reaches, type Scope, scopeOf } from '../accounts/permissions.ts';
import type { Principal } from '../accounts/principal.ts';
import { inertText } from '../events/event-row.ts';
import { type Bundles, policiesOf } from '../policies/questions.ts';
import { detailsOf, type FiledDetails, shown } from './filing.ts';
import { whyNotThere } from './elsewhere.ts';
import { findRequest } from './find.ts';
import { grantViews, type GrantView } from './grant-service.ts';
import { type RequestSummary, summariesOf } from './read.ts';
import { scopeText } from './issue.ts';
import { type Case, readCase } from './standing.ts';
import type { RequestRow } from './telling.ts';

export type PastRequest = { readonly id: string; readonly command: string; readonly user: string; readonly device: string; readonly state: RequestSummary['state']; readonly filedAt: number };
export type History = { readonly total: number; readonly approved: number; readonly denied: number; readonly last: readonly PastRequest[] };
export type PackageView = { readonly name: string; readonly version: string; readonly repository: string | null; readonly key: string | null; readonly unmodified: boolean | null };
export type DecisionView = { readonly by: string; readonly decision: 'approved' | 'denied'; readonly words: string | null; readonly at: number; readonly stage: number; readonly alsoOn: readonly string[] };
/** Another device that it is for. SECURITY(T-37): of one outside the reader's scope its name alone, which was asked for. */
export type ElsewhereView = { readonly id: string | null; readonly name: string; readonly user: string | null; readonly mayAnswer: boolean; readonly whyNot: string | null; readonly grant: GrantView | null };

/** Everything that whoever judges a request needs. Every text is inert; `exact` are the bytes. */
export type RequestDetail = RequestSummary & {
  readonly argv: readonly { readonly text: string; readonly exact: string }[]; readonly executable: string; readonly cwd: string; readonly environment: readonly string[];
  readonly digest: string; readonly sha256: string | null;
  /** `none`: no package owns the file; null: the device does not know. */
  readonly package: PackageView | 'none' | null;
  readonly posture: Readonly<Record<string, string | number | boolean | null>>; readonly origin: Readonly<Record<string, string | number | boolean | null>> | null;
  /** What is asked for instead of the exact request. */
  readonly scope: {
    readonly text: string;
    /** It is the very command with its arguments, and no more. */
    readonly isExact: boolean;
    readonly commands: readonly { readonly command: string; readonly args: readonly string[] | null }[];
  } | null;
  readonly forMs: number; readonly uses: number;
  readonly policy: { readonly version: number; readonly message: string | null; readonly explanation: readonly string[] };
  readonly history: { readonly byUser: History; readonly byCommand: History };
  readonly elsewhere: readonly ElsewhereView[];
  readonly decisions: readonly DecisionView[]; readonly grant: GrantView | null; readonly review: { readonly by: string; readonly words: string; readonly at: number } | null;
};

export type DetailDeps = Pick<ServerContext, 'store' | 'clock'>;
export type Details = { readonly show: (id: string, who: Principal) => Promise<RequestDetail | undefined> };

export function createDetails({ store: { db }, clock }: DetailDeps): Details {
  const bundles: Bundles = new Map();
  return {
    async show(id, who) {
      const scope = scopeOf(who.bindings, 'requests.read');
      const row = await findRequest(db, id, scope);
      if (row === undefined) return undefined;
      const now = clock();
      const [summary] = await summariesOf(db, [row], who, now);
      const asked = await readCase(db, row, now);
      const grants = await grantViews(db, await db.selectFrom('grants').selectAll().where('request_id', '=', id).execute(), now);
      const decisions = await db.selectFrom('request_decisions').select(['name as by', 'decision', 'words', 'at', 'stage', 'devices']).where('request_id', '=', id).orderBy('at').execute();
      const review = await db.selectFrom('request_reviews').select(['name as by', 'words', 'at']).where('request_id', '=', id).executeTakeFirst();
      return {
        ...(summary as RequestSummary), ...filedView(row, detailsOf(row.details)), policy: await policyView(db, bundles, row),
        history: await historyOf(db, row, scope),
        elsewhere: elsewhereViews(asked, grants, who),
        decisions: decisions.map(({ devices, ...each }) => ({ ...each, words: each.words === null ? null : inertText(each.words), alsoOn: namesOf(asked, devices) })),
        grant: grants.find(({ device }) => device.id === row.device_id) ?? null,
        review: review === undefined ? null : { ...review, words: inertText(review.words) },
      };
    },
  };
}

function namesOf({ elsewhere }: Case, devices: string): readonly string[] {
  const ids = JSON.parse(devices) as readonly string[];
  return elsewhere.filter(({ device }) => ids.includes(device)).map(({ name }) => name);
}

function elsewhereViews(asked: Case, grants: readonly GrantView[], who: Principal): readonly ElsewhereView[] {
  const reading = scopeOf(who.bindings, 'requests.read');
  return asked.elsewhere.map((place) => {
    if (!reaches(reading, place.groups)) return { id: null, name: place.name, user: null, mayAnswer: false, whyNot: 'This device is outside your roles.', grant: null };
    const whyNot = asked.row.state === 'pending' ? (whyNotThere(who, asked, place) ?? null) : `It is ${asked.row.state}.`;
    return { id: place.device, name: place.name, user: place.user, mayAnswer: whyNot === null, whyNot, grant: grants.find(({ device }) => device.id === place.device) ?? null };
  });
}

const bytes = (base64: string): Uint8Array => Buffer.from(base64, 'base64');
const plain = (base64: string): string => inertText(Buffer.from(base64, 'base64').toString('utf8'));

function filedView(row: RequestRow, details: FiledDetails) {
  const { scope } = details;
  return {
    argv: details.argv.map((each) => ({ text: shown(bytes(each)), exact: each })), executable: plain(details.executable), cwd: plain(details.cwd), environment: details.environment.map(plain),
    digest: Buffer.from(row.digest).toString('hex'), sha256: details.sha256 === null ? null : inertText(details.sha256), package: packageView(details.package),
    posture: flat(details.posture) ?? {}, origin: flat(details.origin),
    scope: scope === null ? null : {
      text: scopeText(scope), isExact: isOf(scope, details),
      commands: scope.commands.map(({ command, args }) => ({ command: inertText(command), args: args === undefined ? null : args.map((each) => shown(Buffer.from(each))) })),
    },
    forMs: details.forMs, uses: details.uses,
  };
}

function isOf(scope: NonNullable<FiledDetails['scope']>, { executable, argv, runAsUid: uid, runAsGid: gid }: FiledDetails): boolean {
  const texts = argv.map((each) => bytes(each));
  return texts.every(isUtf8) && isDeepStrictEqual(scope, exactScope(Buffer.from(executable, 'base64').toString(), texts.map((each) => Buffer.from(each).toString()), { uid, gid }));
}

function flat(value: unknown): Readonly<Record<string, string | number | boolean | null>> | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null;
  return Object.fromEntries(Object.entries(value).slice(0, 50).map(([name, each]: [string, unknown]) => [inertText(name).slice(0, 100), scalar(each)]));
}

function scalar(value: unknown): string | number | boolean | null {
  if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value;
  return inertText(typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 1000);
}

function packageView(value: unknown): PackageView | 'none' | null {
  if (value === 'none') return 'none';
  if (typeof value !== 'object' || value === null) return null;
  const { name, version, repositories, signedBy, unmodified } = value as Record<string, unknown>;
  const text = (each: unknown): string => (typeof each === 'string' ? inertText(each).slice(0, 256) : '');
  const list = (each: unknown): string | null => (Array.isArray(each) && each.length > 0 ? each.map(text).join(', ').slice(0, 1000) : null);
  return { name: text(name), version: text(version), repository: list(repositories), key: list(signedBy), unmodified: typeof unmodified === 'boolean' ? unmodified : null };
}

/** What the rules that asked say, in the version that was in force when the request came. */
async function policyView(db: Db, bundles: Bundles, row: RequestRow): Promise<RequestDetail['policy']> {
  const policies = row.policy_version === 0 ? [] : await policiesOf(db, bundles, row.policy_version);
  const found = (JSON.parse(row.rules) as string[]).map((ref) => {
    const at = ref.indexOf('/');
    return { ref, rule: policies.find(({ name }) => name === ref.slice(0, at))?.rules.find(({ name }) => name === ref.slice(at + 1)) };
  });
  return {
    version: row.policy_version, message: found.map(({ rule }) => (rule?.message === undefined ? null : inertText(rule.message))).find((message) => message !== null) ?? null,
    explanation: found.map(({ ref, rule }) => (rule === undefined ? `${ref}: this rule is not in version ${row.policy_version} any more` : `${ref}: ${ruleText(rule)}`)),
  };
}

function ruleText(rule: CompiledRule): string {
  const demands = demandTexts(rule.demands);
  const limits = limitTexts(rule.obligations);
  const run = rule.run.any ? 'any command' : rule.run.is.map(targetName).join(' or ');
  return inertText(`${whoWords(rule)} may run ${run}${demands.length === 0 ? '' : ` with ${demands.join(', ')}`}${limits.length === 0 ? '' : `; ${limits.join(', ')}`}`).slice(0, 2000);
}

function whoWords({ who }: CompiledRule): string {
  const parts = who.is.map((subject) => `${subject.kind}:${'name' in subject ? subject.name : subject.id}`);
  return who.any ? 'anybody' : parts.join(' or ');
}

function targetName({ command, args }: RunTarget): string {
  const patterns = (args ?? []).map((each) => (typeof each === 'string' ? each : 'regex' in each ? `~${each.regex}` : `(${each.either.join('|')})`));
  return [command ?? 'any command', ...(args?.length === 0 ? ['(no arguments)'] : patterns)].join(' ');
}

const LAST = 5;

/** What became of earlier requests of this user on this device, and of this very command anywhere within the reader's scope. */
async function historyOf(db: Db, row: RequestRow, scope: Scope): Promise<RequestDetail['history']> {
  const within = () => {
    const query = db.selectFrom('requests').where('requests.id', '!=', row.id);
    return scope === 'all' ? query : query.where('device_id', 'in', (eb) => eb.selectFrom('device_groups').select('device_id').where('group_name', 'in', scope));
  };
  type Query = ReturnType<typeof within>;
  const read = async (narrowed: () => Query): Promise<History> => {
    const counts = await narrowed().select((eb) => ['answer', eb.fn.countAll<number>().as('count')]).groupBy('answer').execute();
    const last = await narrowed().innerJoin('devices', 'devices.id', 'requests.device_id').select(['requests.id', 'command', 'user_name', 'devices.name as device', 'requests.state', 'filed_at']).orderBy('filed_at', 'desc').limit(LAST).execute();
    const of = (answer: string): number => Number(counts.find((each) => each.answer === answer)?.count ?? 0);
    return {
      total: counts.reduce((sum, { count }) => sum + Number(count), 0), approved: of('approved'), denied: of('denied'),
      last: last.map(({ user_name: user, filed_at: filedAt, ...rest }) => ({ ...rest, user, filedAt })),
    };
  };
  return {
    byUser: await read(() => within().where('device_id', '=', row.device_id).where('uid', '=', row.uid)),
    byCommand: await read(() => within().where('command_key', '=', row.command_key)),
  };
}
