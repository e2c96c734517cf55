import type { DaemonStateSchema, LinkState, StatusAnswerSchema } from '@belay/proto/local';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Journal } from '../journal/journal.ts';
import type { Clock } from '../platform/platform.ts';
import type { DeviceState } from '../state/device-state.ts';
import { reportPolicy } from './policy-report.ts';
import { AGENT_VERSION } from './version.ts';

export type ReportDeps = {
  readonly state: DeviceState;
  readonly journal: Journal;
  readonly clock: Clock;
  readonly link: { readonly state: LinkState | undefined };
  /** Undefined: never heard of. */
  serverSilentMs(): number | undefined;
  uplinkConnected(): boolean;
  /** What the server is asked to sign its time for; undefined: it is not asked. */
  timeNonce(): Uint8Array | undefined;
  announce(): void;
};

/** What belayd says of itself: to the uplink, and to `belay status`. */
export interface Reports {
  daemonState(): MessageInitShape<typeof DaemonStateSchema>;
  status(): MessageInitShape<typeof StatusAnswerSchema>;
  /** Tells the uplink at once, after the present turn. */
  changed(): void;
  /** Tells the uplink soon: there may be many events a second. */
  headMoved(): void;
  close(): void;
}

const HEAD_MS = 250;

export function createReports(deps: ReportDeps): Reports {
  const { state, journal, clock } = deps;
  let soon: NodeJS.Timeout | undefined;
  let now: NodeJS.Immediate | undefined;
  const problems = () => [...state.problems, ...journalProblems(journal)];
  const announce = () => {
    clearTimeout(soon);
    clearImmediate(now);
    soon = undefined;
    now = undefined;
    deps.announce();
  };
  return {
    daemonState() {
      const { id, device, server, durableSeq, receipted } = journal.chain;
      const { enrolment, policy } = state;
      return {
        enrolled: enrolment !== undefined,
        device,
        serverAddress: enrolment?.serverAddress ?? '',
        enrollmentAddress: enrolment?.enrollmentAddress ?? '',
        serverId: enrolment === undefined ? new Uint8Array() : server,
        manifestNumber: BigInt(policy?.manifest.number ?? 0),
        manifestEpoch: policy?.manifest.epoch ?? 0,
        bundlesWanted: [...state.wanted],
        chain: id,
        journalHead: BigInt(durableSeq),
        receipted: BigInt(receipted),
        agentVersion: AGENT_VERSION,
        roleKeysVersion: BigInt(state.roleKeysVersion),
        problems: problems(),
        timeNonce: deps.timeNonce() ?? new Uint8Array(),
      };
    },
    status() {
      const { enrolment, policy } = state;
      const { device, seq, receipted } = journal.chain;
      const link = deps.link.state;
      const { problem, ...counts } = reportPolicy(policy, clock.now(), deps.serverSilentMs());
      return {
        enrolled: enrolment !== undefined,
        device,
        deviceName: policy?.manifest.name ?? enrolment?.deviceName ?? '',
        server: enrolment?.serverAddress ?? '',
        manifestNumber: BigInt(policy?.manifest.number ?? 0),
        manifestEpoch: policy?.manifest.epoch ?? 0,
        manifestAgeMs: BigInt(policy === undefined ? 0 : clock.now() - policy.manifest.issuedAt),
        manifestExpiresMs: BigInt(policy?.manifest.expiresAt ?? 0),
        uplinkConnected: deps.uplinkConnected(),
        serverConnected: deps.uplinkConnected() && link?.connected === true,
        serverLastSeenMs: link?.serverTimeMs ?? 0n,
        eventsUnreceipted: BigInt(enrolment === undefined ? 0 : seq - receipted),
        agentVersion: AGENT_VERSION,
        ...counts,
        problems: [...problems(), ...(problem === undefined ? [] : [problem]), ...(link !== undefined && !link.connected && link.error !== '' ? [link.error] : [])],
      };
    },
    changed() {
      now ??= setImmediate(announce);
    },
    headMoved() {
      soon ??= setTimeout(announce, HEAD_MS);
    },
    close() {
      clearTimeout(soon);
      clearImmediate(now);
    },
  };
}

function journalProblems(journal: Journal): readonly string[] {
  if (journal.full) return ['The journal is at its size limit with events that no server has received: nothing is elevated. Check the connection to the server.'];
  if (journal.lost > 0) return ['The journal could not be written (is the disk full?): some elevations went on without evidence, as their rules allow.'];
  if (journal.spooled > 0) return ['The journal cannot be written (is the disk full?): events are kept in memory.'];
  return journal.refused > 0 ? ['The journal could not be written (is the disk full?): elevations were refused.'] : [];
}
