import { createHash } from 'node:crypto';
import { type CborValue, type EventRecord, type Grant, PAYLOADS, visibleFields } from '@belay/core/evidence';
import * as z from 'zod';
import { inertText } from '../events/event-row.ts';
import { type Demand, parseDemands } from './demands.ts';

/** A request as its device filed it, in a verified event. Everything in it is text that somebody may have made up. */
export type Filed = {
  readonly number: number;
  readonly uid: number;
  readonly user: string;
  readonly stance: 'waiting' | 'ahead';
  readonly emergency: boolean;
  readonly demands: readonly Demand[];
  readonly rules: readonly string[];
  readonly command: string;
  readonly commandKey: string;
  readonly digest: Uint8Array;
  readonly session: Uint8Array | undefined;
  /** Names of other devices that it is asked for as well. */
  readonly alsoOn: readonly string[];
  readonly details: FiledDetails;
};

const optional = z.string().nullable();
const bytesAsText = z.string().describe('base64');
const scope = PAYLOADS.grant.shape.scope.unwrap();

/** What is kept as JSON: all that the approver reads. Paths, arguments and names of variables are bytes, as base64. */
const filedDetails = z.object({
  executable: bytesAsText, argv: z.array(bytesAsText), cwd: bytesAsText, environment: z.array(bytesAsText), user: z.string(), reason: optional, runAs: z.string(),
  runAsUid: z.int(), runAsGid: z.int(), sha256: optional, package: z.unknown(), posture: z.unknown(), origin: z.unknown(), scope: scope.nullable(),
  forMs: z.int().min(0), uses: z.int().min(1), door: z.string(), terminal: z.int(), reauthenticated: z.boolean(), manifest: z.int(),
});
export type FiledDetails = z.output<typeof filedDetails>;

export function detailsOf(json: string): FiledDetails {
  return filedDetails.parse(JSON.parse(json));
}

const MAX_COMMAND = 1000;
const MAX_USES = 1000;
const MAX_ELSEWHERE = 50;
const MAX_JSON = 64 * 1024;
const utf8 = new TextDecoder('utf-8', { fatal: false });
const isBytes = (value: CborValue | undefined): value is Uint8Array => ArrayBuffer.isView(value);

/** Undefined: it does not say enough to be answered. */
export function readFiled(record: EventRecord): Filed | undefined {
  const fields = visibleFields(record);
  const { request, uid, user, digest, session, runAsUid, runAsGid, command: path, argv } = fields;
  const demands = parseDemands(textsIn(fields['approval']));
  const wanted = scopeIn(fields['scope']);
  if (!isCount(request) || !isCount(uid) || !isCount(runAsUid) || !isCount(runAsGid) || demands === undefined || wanted === 'bad') return undefined;
  if (!isBytes(digest) || digest.byteLength !== 32 || (session !== undefined && (!isBytes(session) || session.byteLength !== 32))) return undefined;
  if (textsIn(fields['alsoOn']).length > MAX_ELSEWHERE) return undefined;
  const stance = fields['stance'];
  // What waits in place is bound to the very request, and to the session that waits.
  if ((stance !== 'waiting' && stance !== 'ahead') || (stance === 'waiting' && (session === undefined || wanted !== null))) return undefined;
  // SECURITY(T-18): who approves reads one run-as identity, so the scope has the same.
  if (wanted !== null && (wanted.runAsUid !== runAsUid || wanted.runAsGid !== runAsGid)) return undefined;
  const executable = isBytes(path) ? path : new Uint8Array();
  const args = listIn(argv);
  const name = typeof user === 'string' && user !== '' ? user : `#${uid}`;
  return {
    number: request, uid, user: inertText(name).slice(0, 256), stance, emergency: fields['emergency'] === true, demands, rules: textsIn(fields['rules']).slice(0, 100).map((rule) => inertText(rule)),
    command: commandLine(executable, args), commandKey: keyOf([executable, ...args], runAsUid, runAsGid), digest, session: stance === 'waiting' ? (session as Uint8Array) : undefined,
    alsoOn: textsIn(fields['alsoOn']).map((name) => inertText(name)),
    details: {
      executable: base64(executable), argv: args.map(base64), cwd: base64(fields['cwd']), environment: listIn(fields['environment']).map(base64), user: name,
      reason: textOr(fields['reason'], null), runAs: textOr(fields['runAs'], `#${runAsUid}:#${runAsGid}`), runAsUid, runAsGid, sha256: textOr(fields['sha256'], null),
      package: jsonIn(fields['package']), posture: jsonIn(fields['posture']) ?? {}, origin: jsonIn(fields['origin']), scope: wanted,
      forMs: countOr(fields['forMs'], 0), uses: stance === 'waiting' ? 1 : Math.min(MAX_USES, Math.max(1, countOr(fields['uses'], 1))),
      door: textOr(fields['door'], ''), terminal: countOr(fields['terminal'], 0), reauthenticated: fields['reauthenticated'] === true, manifest: countOr(fields['manifest'], 0),
    },
  };
}

function isCount(value: CborValue | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function countOr(value: CborValue | undefined, otherwise: number): number {
  return isCount(value) ? value : otherwise;
}

function textOr<T>(value: CborValue | undefined, otherwise: T): string | T {
  return typeof value === 'string' ? value : otherwise;
}

function textsIn(value: CborValue | undefined): readonly string[] {
  return Array.isArray(value) ? value.filter((each: CborValue): each is string => typeof each === 'string') : [];
}

function listIn(value: CborValue | undefined): readonly Uint8Array[] {
  return Array.isArray(value) ? value.filter(isBytes) : [];
}

function base64(bytes: CborValue | undefined): string {
  return isBytes(bytes) ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64') : '';
}

function jsonIn(value: CborValue | undefined): unknown {
  if (typeof value !== 'string' || value.length > MAX_JSON) return null;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return null;
  }
}

function scopeIn(value: CborValue | undefined): NonNullable<Grant['scope']> | null | 'bad' {
  if (value === undefined) return null;
  const parsed = scope.safeParse(jsonIn(value));
  return parsed.success ? parsed.data : 'bad';
}

/** SECURITY(T-29): for people only: control characters are escapes, and an argument that would read as none or as two is quoted. */
export function shown(bytes: Uint8Array): string {
  const text = inertText(utf8.decode(bytes));
  return /^[^\s"'\\]+$/u.test(text) ? text : JSON.stringify(text);
}

function commandLine(executable: Uint8Array, args: readonly Uint8Array[]): string {
  const parts: string[] = [];
  let length = 0;
  for (const each of [executable, ...args]) {
    // A megabyte of arguments is cut before it is made readable.
    const text = shown(each.subarray(0, MAX_COMMAND));
    parts.push(text);
    length += text.length + 1;
    if (length > MAX_COMMAND) break;
  }
  const line = parts.join(' ');
  return line.length <= MAX_COMMAND && parts.length === args.length + 1 ? line : `${line.slice(0, MAX_COMMAND - 1)}…`;
}

function keyOf(parts: readonly Uint8Array[], runAsUid: number, runAsGid: number): string {
  const hash = createHash('sha256').update(`belay/command/v1 ${runAsUid} ${runAsGid}`);
  for (const part of parts) hash.update(`\0${part.byteLength}\0`).update(part);
  return hash.digest('hex');
}
