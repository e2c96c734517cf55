import type { CompiledRule, Identity } from '../../policy/compiled.ts';
import type { LintPolicy, LintRule, RuleDraft } from './model.ts';
import type { Path } from './places.ts';

type NameKind = 'user' | 'group' | 'device group';
type Mention = { readonly kind: NameKind; readonly name: string; readonly rule: LintRule; readonly path: Path };

/** A name seen this often is one that somebody means. */
const OFTEN = 3;
const MIN_LENGTH = 5;

/** Every name of an account or a device group that a rule mentions. */
export function mentionsIn(rule: LintRule): readonly Mention[] {
  const { who, as, circumstances }: CompiledRule = rule.compiled;
  const mentions: Mention[] = [];
  for (const subject of [...who.is, ...who.not]) if ('name' in subject) mentions.push({ kind: subject.kind, name: subject.name, rule, path: ['who'] });
  for (const name of namesOf(as.users)) mentions.push({ kind: 'user', name, rule, path: ['as'] });
  for (const name of namesOf(as.groups)) mentions.push({ kind: 'group', name, rule, path: ['as'] });
  for (const name of circumstances.device?.groups ?? []) mentions.push({ kind: 'device group', name, rule, path: ['device', 'groups'] });
  return mentions;
}

function namesOf(identities: string | readonly Identity[]): readonly string[] {
  return typeof identities === 'string' ? [] : identities.flatMap((identity) => ('name' in identity ? [identity.name] : []));
}

/** A name that occurs once and is one letter away from one that occurs often. */
export function checkSpelling(policies: readonly LintPolicy[]): readonly RuleDraft[] {
  const counts = new Map<string, { readonly first: Mention; count: number }>();
  for (const mention of policies.flatMap(({ rules }) => rules.flatMap(mentionsIn))) {
    const key = `${mention.kind} ${mention.name}`;
    const known = counts.get(key);
    if (known === undefined) counts.set(key, { first: mention, count: 1 });
    else known.count++;
  }
  const often = new Map<string, string[]>();
  for (const [key, { count, first }] of counts) if (count >= OFTEN && first.name.length >= MIN_LENGTH) for (const each of shortened(key)) add(often, each, key);
  return [...counts.values()].flatMap(({ first, count }): readonly RuleDraft[] => {
    const { kind, name, rule, path } = first;
    if (count > 1 || name.length < MIN_LENGTH) return [];
    const near = shortened(`${kind} ${name}`).flatMap((each) => often.get(each) ?? []).find((key) => isSlip(`${kind} ${name}`, key));
    if (near === undefined) return [];
    return [{ code: 'misspelt-name', rule, path, message: `The ${kind} "${name}" occurs only here; did you mean "${near.slice(kind.length + 1)}"?`, reason: 'That one occurs often. A name that does not exist matches nobody, and nothing tells so.' }];
  });
}

function add(map: Map<string, string[]>, key: string, value: string): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

/** The text and every text with one letter less: two that are one letter apart share one of these. */
function shortened(text: string): readonly string[] {
  return [text, ...Array.from(text, (_, at) => text.slice(0, at) + text.slice(at + 1))];
}

/** One letter more, less, other, or two changed places; digits do not count: web1 and web2 are two. */
function isSlip(a: string, b: string): boolean {
  if (a === b) return false;
  let from = 0;
  while (from < Math.min(a.length, b.length) && a[from] === b[from]) from++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - from && a.at(-1 - end) === b.at(-1 - end)) end++;
  const [x, y] = [a.slice(from, a.length - end), b.slice(from, b.length - end)];
  if (/[0-9]/.test(x + y)) return false;
  return Math.max(x.length, y.length) === 1 || (x.length === 2 && y.length === 2 && x[0] === y[1] && x[1] === y[0]);
}
