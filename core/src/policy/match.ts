import type { ByteString } from '../bytes.ts';
import { decodeUtf8 } from '../bytes.ts';
import type { ElevationRequest } from '../request/request.ts';
import { matchArguments } from './argument-pattern.ts';
import type { CompiledRunAs, CompiledWho, Subject } from './compiled.ts';
import type { DecisionContext, FileIdentity } from './decision.ts';
import { matchCircumstances } from './circumstance-match.ts';
import { FactBindings } from './facts.ts';
import { matchPackage } from './package-match.ts';
import type { LoadedRule, LoadedTarget } from './policy-set.ts';
import { Surroundings } from './surroundings.ts';
import { and, FALSE, not, or, TRUE, type Truth3, truthOf, UNKNOWN } from './truth.ts';

/** One request while it is being decided: what several rules ask for is found out once. */
export class Question extends Surroundings<ElevationRequest> {
  #facts: FactBindings | undefined;
  #aliases: readonly ByteString[] | undefined;
  #isText: boolean | undefined;
  #hash: { readonly value: string | undefined } | undefined;
  #objectPath: ByteString | undefined;
  #object: FileIdentity | undefined;

  get facts(): FactBindings {
    this.#facts ??= new FactBindings(this);
    return this.#facts;
  }

  /** Rule paths that name the same inode. */
  get aliases(): readonly ByteString[] {
    this.#aliases ??= this.context.pathsOfObject(this.request.executable.device, this.request.executable.inode);
    return this.#aliases;
  }

  /** SECURITY(T-02): bytes that are not UTF-8 never match an allow or ask, wherever in the request they are. */
  get isText(): boolean {
    if (this.#isText === undefined) {
      const { executable, args, cwd, env } = this.request;
      const { typed, resolved } = executable;
      this.#isText = isText(resolved) && (typed === resolved || isText(typed)) && isText(cwd) && args.every(isText) && env.every(isText);
    }
    return this.#isText;
  }

  get hash(): string | undefined {
    this.#hash ??= { value: this.context.executableSha256() };
    return this.#hash.value;
  }

  objectOf(path: ByteString): FileIdentity | undefined {
    if (path !== this.#objectPath) {
      this.#objectPath = path;
      this.#object = this.context.objectOf(path);
    }
    return this.#object;
  }
}

function isText(bytes: ByteString): boolean {
  return decodeUtf8(bytes) !== undefined;
}

/** In an allow or ask a path names one object; in a deny it also names every way to it. An exception turns it round. */
export type Reading = 'grant' | 'deny';

/** Who asks, of which device: all that `who` depends on. */
export type Asker = { readonly request: Pick<ElevationRequest, 'requester'>; readonly context: DecisionContext };

export function matchWho(who: CompiledWho, question: Asker): Truth3 {
  let truth: Truth3 = who.any ? TRUE : FALSE;
  for (const subject of who.is) {
    if (truth === TRUE) break;
    truth = or(truth, matchSubject(subject, question));
  }
  for (const subject of who.not) {
    if (truth === FALSE) break;
    truth = and(truth, not(matchSubject(subject, question)));
  }
  return truth;
}

function matchSubject(subject: Subject, { request, context }: Asker): Truth3 {
  const { requester } = request;
  switch (subject.kind) {
    case 'uid':
      return truthOf(requester.uid === subject.id);
    case 'gid':
      return truthOf(isMember(requester, subject.id));
    case 'user':
      return matchName(subject.name, requester.uid, requester.name, context.userId(subject.name));
    case 'group': {
      const gid = context.groupId(subject.name);
      return gid === undefined ? UNKNOWN : truthOf(isMember(requester, gid));
    }
  }
}

function isMember(requester: ElevationRequest['requester'], gid: number): boolean {
  return requester.gid === gid || requester.groups.includes(gid);
}

/**
 * Whether the account called `name` is this uid. `resolved` is what the name leads to, `ownName` what the uid leads to; one of
 * them may be missing, and when both are there but disagree the name service is in between two states.
 */
function matchName(name: string, uid: number, ownName: string | undefined, resolved: number | undefined): Truth3 {
  if (resolved === undefined) return ownName === undefined || ownName === name ? UNKNOWN : FALSE;
  if (resolved === uid) return TRUE;
  return ownName === name ? UNKNOWN : FALSE;
}

const MAX_ID = 0xffff_fffe;

/** SECURITY(T-01): -1 and 4294967295 mean "leave as it is" to the kernel, so no rule may hold for them. */
function isId(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id <= MAX_ID;
}

export function matchRunAs(as: CompiledRunAs, question: Question): Truth3 {
  const { runAs } = question.request;
  if (!isId(runAs.uid) || !isId(runAs.gid)) return UNKNOWN;
  const users = matchRunAsUser(as.users, question);
  return users === FALSE ? FALSE : and(users, matchRunAsGroup(as.groups, question));
}

function matchRunAsUser(users: CompiledRunAs['users'], { request, context }: Question): Truth3 {
  const { runAs, requester } = request;
  if (users === 'any') return TRUE;
  if (users === 'requester') return truthOf(runAs.uid === requester.uid);
  let truth: Truth3 = FALSE;
  for (const identity of users) {
    truth = or(truth, 'id' in identity ? truthOf(identity.id === runAs.uid) : matchName(identity.name, runAs.uid, runAs.userName, context.userId(identity.name)));
    if (truth === TRUE) break;
  }
  return truth;
}

function matchRunAsGroup(groups: CompiledRunAs['groups'], question: Question): Truth3 {
  const { runAs } = question.request;
  if (groups === 'any') return TRUE;
  if (groups === 'own') {
    const own = primaryGroup(question);
    return own === undefined ? UNKNOWN : truthOf(own === runAs.gid);
  }
  let truth: Truth3 = FALSE;
  for (const identity of groups) {
    truth = or(truth, 'id' in identity ? truthOf(identity.id === runAs.gid) : matchGroupName(identity.name, question));
    if (truth === TRUE) break;
  }
  return truth;
}

function matchGroupName(name: string, { request, context }: Question): Truth3 {
  const gid = context.groupId(name);
  return gid === undefined ? UNKNOWN : truthOf(gid === request.runAs.gid);
}

/** Of the user it runs as. Where the device does not say, a group of the user's own name counts. */
function primaryGroup({ request, context }: Question): number | undefined {
  const { runAs, requester } = request;
  const told = context.primaryGroupId?.(runAs.uid);
  if (told !== undefined) return told;
  if (runAs.uid === 0) return 0;
  if (runAs.uid === requester.uid) return requester.gid;
  return runAs.userName === undefined ? undefined : context.groupId(runAs.userName);
}

/** Command, arguments and package; the pin apart, as it is the dear one. */
export function matchTarget(target: LoadedTarget, reading: Reading, question: Question): Truth3 {
  const named = matchNamed(target, reading, question);
  if (named === FALSE || target.package === undefined) return named;
  return and(named, matchPackage(target.package, question.owner));
}

/** Command and arguments. */
export function matchNamed(target: LoadedTarget, reading: Reading, question: Question): Truth3 {
  const command = target.command === undefined ? TRUE : matchCommand(target.command, reading, question);
  if (command === FALSE) return FALSE;
  if (target.unreadable) return UNKNOWN;
  return target.args === undefined ? command : and(command, matchArguments(target.args, question.request.args));
}

function matchCommand(command: ByteString, reading: Reading, question: Question): Truth3 {
  const { executable } = question.request;
  if (nameRank(command, question) === UNRELATED) return FALSE;
  if (reading === 'deny') return TRUE;
  // SECURITY(T-06): what counts is the object that the rule's path leads to now, not how the caller came to it.
  const object = question.objectOf(command);
  return truthOf(object !== undefined && object.inode === executable.inode && object.device === executable.device);
}

/** No name of the file. */
export const UNRELATED = Number.MAX_SAFE_INTEGER;

/** How near a path is to what was typed: 0 typed, then the links in their order, the resolved path, other names; else UNRELATED. */
export function nameRank(path: ByteString, question: Question): number {
  const { typed, links, resolved } = question.request.executable;
  if (path === typed) return 0;
  const link = links.indexOf(path);
  if (link >= 0) return link + 1;
  if (path === resolved) return links.length + 1;
  return question.aliases.includes(path) ? links.length + 2 : UNRELATED;
}

export function matchPin(target: LoadedTarget, question: Question): Truth3 {
  if (target.sha256 === undefined) return TRUE;
  const { hash } = question;
  return hash === undefined ? UNKNOWN : truthOf(target.sha256.includes(hash));
}

/** Whether an exception applies, its pin included. */
export function matchExceptions(rule: LoadedRule, question: Question): Truth3 {
  const reading: Reading = rule.then === 'deny' ? 'grant' : 'deny';
  let truth: Truth3 = FALSE;
  for (const target of rule.exceptions) {
    const basic = matchTarget(target, reading, question);
    if (basic === FALSE) continue;
    truth = or(truth, and(basic, matchPin(target, question)));
    if (truth === TRUE) break;
  }
  return truth;
}

export function matchAround(rule: LoadedRule, question: Surroundings): Truth3 {
  return rule.circumstances === undefined ? TRUE : matchCircumstances(rule.circumstances, question);
}

export function matchWhen(rule: LoadedRule, question: Question): Truth3 {
  return rule.when === undefined ? TRUE : rule.when.evaluate(question.facts);
}
