import type { ListedRule } from '@belay/core/policy';
import type { Requester } from '@belay/core/request';
import type { Actor, Peer } from '../platform/platform.ts';
import { demandTexts } from './demand-texts.ts';
import type { Elevation, ElevationDeps } from './elevation.ts';
import type { Step } from './steps.ts';
import { commandText, rulesFor } from './entitlements.ts';
import type { Met } from './fulfilment.ts';
import { requesterOf } from './gather.ts';
import { inert, inertBytes } from './inert.ts';
import { NOT_ALLOWED, numbered } from './messages.ts';
import { findUser } from './run-as.ts';
import type { SudoRequest } from './sudo-request.ts';

export type Listed = { readonly known: boolean; readonly text: string };

/** `sudo -l`: what the engine would offer. Undefined: nobody but root may look at others. */
export function listing(number: number, sudo: SudoRequest, peer: Peer, deps: ElevationDeps): Listed | undefined {
  const requester = subjectOf(sudo, peer.actor, deps);
  if (requester === undefined) return undefined;
  record(number, peer, deps);
  const who = inert(requester.name ?? `#${requester.uid}`);
  const policy = deps.policy();
  if (requester.uid === 0) return { known: true, text: `User ${who} may run anything: root is outside the rules, and recorded.\n` };
  if (policy === undefined) return { known: true, text: `User ${who} may run nothing here: no policy is in force on this device.\n` };
  const rules = rulesFor(requester, policy, peer, deps);
  const where = inert(policy.manifest.name === '' ? 'this device' : policy.manifest.name);
  if (rules.length === 0) return { known: true, text: `User ${who} may run nothing with sudo on ${where}.\n` };
  const lines = rules.map((rule) => (sudo.listLong ? longLine(rule) : shortLine(rule)));
  return { known: true, text: `User ${who} may run the following on ${where}:\n${lines.join('')}` };
}

/** `sudo -l COMMAND`. Denied and absent answer alike. */
export async function listCommand(elevation: Elevation, sudo: SudoRequest, { peer, deps, signal }: { peer: Peer; deps: ElevationDeps; signal: AbortSignal }): Promise<Listed> {
  if (subjectOf(sudo, peer.actor, deps)?.uid !== peer.actor.realUid) return { known: false, text: '' };
  record(elevation.number, peer, deps);
  const allowed = await elevation.wouldAllow(signal);
  if (allowed === undefined) return { known: false, text: '' };
  const words = [allowed.request.executable.typed, ...allowed.request.args].map((word) => inertBytes(word));
  return { known: true, text: `${words.join(' ')}\n` };
}

function record(request: number, peer: Peer, deps: ElevationDeps): void {
  const { uid, name } = requesterOf(peer.actor, deps.platform);
  deps.journal.append({ type: 'elevation.listed', fields: { request, uid, user: name } });
}

function subjectOf(sudo: SudoRequest, actor: Actor, { platform }: ElevationDeps): Requester | undefined {
  if (sudo.listUser === undefined) return requesterOf(actor, platform);
  const account = findUser(sudo.listUser, platform.accounts);
  if (account?.uid === actor.realUid) return requesterOf(actor, platform);
  if (actor.realUid !== 0 || account === undefined) return undefined;
  return { uid: account.uid, gid: account.gid, groups: platform.accounts.groupsOf(account), name: account.name };
}

function shortLine(rule: ListedRule): string {
  const as = `(${inert(rule.runAsUsers.join(', '))} : ${inert(rule.runAsGroups.join(', '))})`;
  const demands = demandTexts(rule.demands);
  const except = rule.except.length === 0 ? '' : `, except ${rule.except.map((text) => inert(text)).join(', ')}`;
  return `    ${as} ${rule.then === 'deny' ? 'never: ' : ''}${commandText(rule)}${except}${demands.length === 0 ? '' : ` [asks for ${demands.join(' and ')}]`}${rule.when === undefined ? '' : ' [on a condition]'}\n`;
}

function longLine(rule: ListedRule): string {
  const lines = [
    `Rule: ${inert(`${rule.rule.policy}/${rule.rule.rule}`)}`,
    `    Answer: ${rule.then}`,
    `    Runs as: ${inert(rule.runAsUsers.join(', '))}, group ${inert(rule.runAsGroups.join(', '))}`,
    `    Command: ${commandText(rule)}`,
    ...rule.except.map((text) => `    Except: ${inert(text)}`),
    ...(rule.when === undefined ? [] : [`    When: ${inert(rule.when)}`]),
    ...demandTexts(rule.demands).map((text) => `    Asks for: ${text}`),
    ...(rule.message === undefined ? [] : [`    Message: ${inert(rule.message)}`]),
  ];
  return `\n${lines.join('\n')}\n`;
}

/** How long `sudo -v` holds before it asks again; a rule's own `reauth` may want less. */
const VALID_MS = 5 * 60 * 1000;

/** `sudo -v`: a password now, so that no rule asks for it a moment later. Runs nothing. */
export class Validation {
  readonly number: number;
  readonly #sudo: SudoRequest;
  readonly #peer: Peer;
  readonly #deps: ElevationDeps;
  #asked = false;

  constructor(number: number, sudo: SudoRequest, peer: Peer, deps: ElevationDeps) {
    this.number = number;
    this.#sudo = sudo;
    this.#peer = peer;
    this.#deps = deps;
  }

  check(): Step {
    const { actor } = this.#peer;
    if (actor.realUid === 0) return this.#allow();
    if (this.#deps.policy() === undefined) return this.#deny('no policy is in force on this device. Run "belay status" and tell IT what it says.');
    const age = this.#sudo.ignoreCachedReauth ? undefined : this.#deps.reauthentications.ageMs(actor);
    if (age !== undefined && age <= VALID_MS) return this.#allow();
    if (this.#sudo.nonInteractive) return this.#deny('a password is needed, and -n forbids to ask for it.');
    if (!this.#sudo.pamAvailable) return this.#deny('a password is needed, and it cannot be checked here.');
    this.#asked = true;
    return { kind: 'challenge', wanted: { reason: false, reasonMinLength: 0, suggestions: [], reauth: true, message: '', account: this.#deps.settings().pamAccount, confirm: '' } };
  }

  met(answer: Met): Step {
    if (!this.#asked) return this.#deny(NOT_ALLOWED);
    this.#asked = false;
    if (answer.authentication === 'succeeded') {
      this.#deps.reauthentications.record(this.#peer.actor);
      return this.#allow();
    }
    const { uid, name } = requesterOf(this.#peer.actor, this.#deps.platform);
    this.#deps.journal.append({ type: 'reauth.failed', fields: { request: this.number, uid, user: name, attempts: answer.attempts } });
    return this.#deny(answer.authentication === 'account-refused' ? 'your account may not be used now.' : 'the password was not right.');
  }

  #allow(): Step {
    return { kind: 'allow', message: '', rule: '', token: new Uint8Array(), launch: undefined, go: false };
  }

  #deny(text: string): Step {
    return { kind: 'deny', message: numbered(this.number, text), rule: '' };
  }
}
