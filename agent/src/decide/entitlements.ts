import { type ListedRule, listFor } from '@belay/core/policy';
import type { Requester } from '@belay/core/request';
import type { ListAnswerSchema, ListEntrySchema } from '@belay/proto/local';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Peer } from '../platform/platform.ts';
import type { PolicyInForce } from '../state/device-state.ts';
import { type CircumstanceDeps, circumstancesOf } from './circumstances.ts';
import { demandTexts } from './demand-texts.ts';
import { decisionContext, type FactsDeps } from './facts.ts';
import { inert } from './inert.ts';
import { ruleName } from './messages.ts';
import { versionOf } from './why.ts';

export type EntitlementDeps = FactsDeps & CircumstanceDeps;

/** What policy offers this requester now. How they logged in is known of the peer alone: of others it is unknown. */
export function rulesFor(requester: Requester, policy: PolicyInForce, peer: Peer, deps: EntitlementDeps): readonly ListedRule[] {
  const circumstances = requester.uid === peer.actor.realUid ? circumstancesOf(peer, undefined, deps) : undefined;
  const context = decisionContext(policy, deps, { executable: undefined, circumstances, sha256: () => undefined });
  return listFor(policy.set, { door: 'sudo', requester, loginSession: peer.actor.loginSession }, context);
}

/** More than anybody reads, and few enough for one frame. */
const MOST_ENTRIES = 1000;

/** `belay list`: what `sudo -l` shows, for programs as well. */
export function listAnswer(requester: Requester, policy: PolicyInForce | undefined, peer: Peer, deps: EntitlementDeps): MessageInitShape<typeof ListAnswerSchema> {
  const about = { uid: requester.uid, user: inert(requester.name ?? ''), device: inert(policy?.manifest.name ?? ''), ...(policy === undefined ? {} : { policy: versionOf(policy.manifest) }) };
  if (requester.uid === 0) return { ...about, outsideRules: true };
  const rules = policy === undefined ? [] : rulesFor(requester, policy, peer, deps);
  return { ...about, entries: rules.slice(0, MOST_ENTRIES).map(entryOf), omitted: Math.max(0, rules.length - MOST_ENTRIES) };
}

function entryOf(rule: ListedRule): MessageInitShape<typeof ListEntrySchema> {
  return {
    rule: ruleName(rule.rule),
    then: rule.then,
    priority: rule.priority,
    command: commandText(rule),
    except: rule.except.map((text) => inert(text)),
    runAsUsers: rule.runAsUsers.map((text) => inert(text)),
    runAsGroups: rule.runAsGroups.map((text) => inert(text)),
    when: inert(rule.when ?? ''),
    demands: [...demandTexts(rule.demands)],
    message: inert(rule.message ?? ''),
  };
}

/** As the policy has it. */
export function commandText(rule: Pick<ListedRule, 'command' | 'args' | 'sha256'>): string {
  const pinned = rule.sha256 === undefined ? '' : ` sha256:${rule.sha256.map((hash) => hash.slice(0, 12)).join(',')}`;
  const args = rule.args === undefined ? [] : rule.args.length === 0 ? ['""'] : rule.args;
  return inert([rule.command ?? 'any command', ...args].join(' ')) + pinned;
}
