import type * as z from 'zod';
import { err, ok, type Result } from '../result.ts';
import { type Finding, nearestOf } from './problem.ts';
import { type AnyShape, type Kind, KINDS, SCHEMAS } from './schema.ts';

type Issue = z.core.$ZodIssue;
type Path = readonly (string | number)[];

/** Checks the form. Every error at once, each with what to do. */
export function checkForm(document: unknown): Result<AnyShape, readonly Finding[]> {
  const kind = (document as { readonly kind?: unknown } | null)?.kind;
  if (kind === 'PolicyTest') return err([{ path: ['kind'], message: 'This is a file of cases, no policy', remedy: 'Run it with `belayctl policy test FILE`; keep cases and policies in files of their own.' }]);
  if (kind !== undefined && !KINDS.includes(kind as Kind)) {
    const near = typeof kind === 'string' ? nearestOf(kind, KINDS) : undefined;
    return err([{ path: ['kind'], message: `${shown(kind)} is no kind of document`, remedy: `${near === undefined ? '' : `Did you mean ${near}? `}Kinds are ${KINDS.join(', ')}.` }]);
  }
  const parsed = SCHEMAS[(kind as Kind | undefined) ?? 'Policy'].safeParse(document);
  if (parsed.success) return ok(parsed.data);
  return err(findingsOfIssues(parsed.error.issues, document, knownKeys));
}

/** What a schema has against a document. `known`: the keys that may stand in the map at a path. */
export function findingsOfIssues(issues: readonly Issue[], document: unknown, known: KnownKeys): readonly Finding[] {
  return issues.flatMap((issue) => findingsOf(issue, [], { document, known }));
}

export type KnownKeys = (path: Path) => readonly string[];
type Judged = { readonly document: unknown; readonly known: KnownKeys };

function findingsOf(issue: Issue, base: Path, judged: Judged): readonly Finding[] {
  const path = [...base, ...issue.path.map((step) => (typeof step === 'symbol' ? String(step) : step))];
  switch (issue.code) {
    case 'invalid_key':
      return [{ path, atKey: true, message: `"${String(path.at(-1))}" cannot be a name here`, remedy: 'Variables: letters, digits and _. Parameters: small letters, digits and _, a letter first.' }];
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key, judged.known(path)));
    case 'invalid_union':
      return findingsOfUnion(issue, path, judged);
    case 'custom':
      return [{ path, message: issue.message, remedy: String(issue.params?.['remedy'] ?? 'Correct it.') }];
    default:
      return [plainFinding(issue, path, judged.document)];
  }
}

/** Of the forms a value may have, the one that was meant: the one that got past the outermost level. */
function findingsOfUnion(issue: Extract<Issue, { code: 'invalid_union' }>, path: Path, judged: Judged): readonly Finding[] {
  const meant = issue.errors.find((branch) => branch.length > 0 && branch.every((each) => each.path.length > 0 || each.code === 'unrecognized_keys' || each.code === 'custom' || each.code === 'too_small'));
  if (meant !== undefined) return meant.flatMap((each) => findingsOf(each, path, judged));
  const value = valueAt(judged.document, path);
  const forms = issue.errors.flatMap((branch) => branch.slice(0, 1).map(formOf)).filter((form) => form !== '');
  const wanted = [...new Set(forms)].join(', or ');
  if (value === undefined) return [{ path: path.slice(0, -1), message: `"${String(path.at(-1))}" is missing`, remedy: `Add ${String(path.at(-1))}: ${wanted}.` }];
  return [{ path, message: `${shown(value)} does not fit here`, remedy: `Write ${wanted}.` }];
}

function plainFinding(issue: Issue, path: Path, document: unknown): Finding {
  const key = String(path.at(-1) ?? 'the policy');
  const value = valueAt(document, path);
  if (value === undefined && path.length > 0) {
    return { path: path.slice(0, -1), message: `"${key}" is missing`, remedy: `Add ${key}: ${formOf(issue)}.` };
  }
  if (issue.code === 'too_big') return { path, message: `"${key}" is too large or too long`, remedy: `At most ${String(issue.maximum)}.` };
  if (issue.code === 'too_small') return { path, message: `"${key}" is too small or empty`, remedy: `At least ${String(issue.minimum)}.` };
  const numeric = typeof value === 'number' && issue.code === 'invalid_type' && issue.expected === 'string';
  return { path, message: `${shown(value)} does not fit here`, remedy: numeric ? 'Put it in quotes if it is a text; ids are written uid:N or gid:N.' : `Write ${formOf(issue)}.` };
}

const FORMS: Readonly<Record<string, string>> = {
  string: 'a text', array: 'a list', object: 'a map of keys and values', boolean: 'true or false', number: 'a number', int: 'a whole number',
};

function formOf(issue: Issue): string {
  if (issue.code === 'invalid_type') return FORMS[issue.expected] ?? issue.expected;
  if (issue.code === 'invalid_value') return issue.values.map(String).join(', ').replace(/, ([^,]*)$/, ' or $1');
  if (issue.code === 'invalid_union') return [...new Set(issue.errors.flatMap((branch) => branch.slice(0, 1).map(formOf)))].join(' or ');
  return '';
}

function shown(value: unknown): string {
  if (value === null) return 'An empty value';
  if (Array.isArray(value)) return 'A list';
  if (typeof value === 'object') return 'A map';
  const text = JSON.stringify(value) ?? 'This';
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function valueAt(document: unknown, path: Path): unknown {
  let value = document;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

const TARGET_KEYS = ['command', 'args', 'sha256', 'package'];
const AROUND_KEYS = ['cwd', 'env', 'parent', 'ancestor', 'from', 'during', 'device'];
const OUTCOME_KEYS = ['require', 'limits', 'record', 'alert', 'onFailure', 'message'];

/** Keys by the last name in the path that is no index. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': ['apiVersion', 'kind', 'metadata', 'extends', 'mode', 'targets', 'rules', 'parameters', 'run', 'who', 'devices', 'rule'],
  metadata: ['name', 'description'],
  targets: ['devices'],
  rules: ['name', 'priority', 'who', 'run', 'as', ...AROUND_KEYS, 'when', 'then', ...OUTCOME_KEYS, 'recovery', 'emergency', 'whenExpired'],
  rule: [...AROUND_KEYS, ...OUTCOME_KEYS],
  run: [...TARGET_KEYS, 'not', 'set', 'with'],
  not: TARGET_KEYS,
  args: ['regex'],
  package: ['name', 'version', 'repository', 'key', 'unmodified'],
  who: ['not'],
  as: ['user', 'users', 'group', 'groups'],
  from: ['login', 'networks', 'terminal'],
  during: ['days', 'from', 'to', 'zone'],
  device: ['groups', 'labels', 'encrypted', 'secureBoot', 'firewall', 'healthy', 'os', 'osVersion', 'maxPatchAge'],
  require: ['reason', 'reauth', 'confirm', 'approval'],
  reason: ['minLength', 'pattern', 'suggestions'],
  approval: ['from', 'count', 'within', 'escalate'],
  escalate: ['after', 'to'],
  limits: ['duration', 'uses', 'total', 'children', 'capabilities', 'network', 'writable', 'environment', 'umask', 'cwd'],
  environment: ['keep', 'set'],
  onFailure: ['manifestExpired', 'serverUnreachable', 'recorderUnable', 'diskFull'],
  serverUnreachable: ['after', 'then'],
  parameters: ['default', 'matches', 'description'],
};

function knownKeys(path: Path): readonly string[] {
  const place = path.findLast((step) => typeof step === 'string') ?? '';
  return KEYS[place] ?? [];
}

function unknownKey(path: Path, key: string, known: readonly string[]): Finding {
  const near = nearestOf(key, known);
  const list = `Known here: ${known.join(', ')}.`;
  return { path: [...path, key], atKey: true, message: `Unknown key "${key}"`, remedy: near === undefined ? list : `Did you mean ${near}? ${list}` };
}
