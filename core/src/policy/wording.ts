import type { CompiledRunAs, CompiledWho, Identity, RunTarget, Subject } from './compiled.ts';

/** Rules in a few words, as their author wrote them. Nothing of a request is ever in it. */
export function whoText(who: CompiledWho): string {
  const parts = who.is.map(subjectText);
  if (who.any) parts.unshift('any');
  return [...parts, ...who.not.map((subject) => `!${subjectText(subject)}`)].join(', ');
}

function subjectText(subject: Subject): string {
  return 'name' in subject ? `${subject.kind}:${subject.name}` : `${subject.kind}:${subject.id}`;
}

export function targetText(target: RunTarget): string {
  const parts = [target.command ?? 'any command'];
  if (target.args?.length === 0) parts.push('(no arguments)');
  else if (target.args !== undefined) parts.push(...target.args.map(quoted));
  if (target.sha256 !== undefined) parts.push(`sha256 ${target.sha256.map((hash) => hash.slice(0, 12)).join(' or ')}`);
  return parts.join(' ');
}

/** An argument that would read as none or as two is quoted. */
function quoted(argument: string): string {
  return /^[^\s"']+$/u.test(argument) ? argument : JSON.stringify(argument);
}

export function runAsUserTexts(as: CompiledRunAs): readonly string[] {
  return as.users === 'requester' ? ['yourself'] : identityTexts(as.users, 'uid');
}

export function runAsGroupTexts(as: CompiledRunAs): readonly string[] {
  return identityTexts(as.groups, 'gid');
}

function identityTexts(identities: string | readonly Identity[], kind: 'uid' | 'gid'): readonly string[] {
  if (typeof identities === 'string') return [identities];
  return identities.map((identity) => ('name' in identity ? identity.name : identity.id === 0 ? 'root' : `${kind}:${identity.id}`));
}

export function runAsText(as: CompiledRunAs): string {
  return `${runAsUserTexts(as).join(' or ')} : ${runAsGroupTexts(as).join(' or ')}`;
}
