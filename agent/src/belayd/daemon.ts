import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ErrorCode } from '@belay/core/codes';
import { namesInPolicy, type PolicySet, type Posture, rulePaths } from '@belay/core/policy';
import type { LinkState } from '@belay/proto/local';
import type { Logger } from 'pino';
import { needsOf } from '../decide/needs.ts';
import { createDecided } from '../decide/decided.ts';
import { watching } from '../decide/watched.ts';
import { createReauthentications } from '../decide/reauthentication.ts';
import { frontDoor, usesPam } from '../intercept/front-door.ts';
import { listen } from '../intercept/local-server.ts';
import { uplinkDoor, type UplinkDoor } from '../intercept/uplink.ts';
import { COMMIT_LOG_BYTES, openCommitLog, type OpenedCommitLog } from '../journal/commit-log.ts';
import { createEvidenceKeys } from '../journal/evidence-keys.ts';
import { Journal } from '../journal/journal.ts';
import { type JournalStore, openJournalStore } from '../journal/journal-store.ts';
import { takeReceipt } from '../journal/receipts.ts';
import { createRecordings, type Recordings } from '../journal/recordings.ts';
import { recordingFields } from '../launch/session-recorder.ts';
import type { Platform } from '../platform/platform.ts';
import { type Aliases, createAliases } from '../state/aliases.ts';
import { DeviceState, type StateEvents } from '../state/device-state.ts';
import { createEnrolments, localIdentity } from '../state/enrolment.ts';
import { takeOrder } from '../state/orders.ts';
import { createHeartbeat, createServerContact } from '../state/server-contact.ts';
import { openStateStore } from '../state/state-store.ts';
import { type AgentConfig, askingRate, retentionMs } from './config.ts';
import { createRequestNumbers } from './request-numbers.ts';
import { createPeople } from './people.ts';
import { createReports } from './reports.ts';
import { openOrPutAside } from './recovery.ts';
import { AGENT_VERSION } from './version.ts';
import { createRehearsalTrial, tellingAnswers } from './rehearsal-trial.ts';
import { warmUp } from './warm-up.ts';

export type Places = { readonly state: string; readonly sockets: string };
export const PLACES: Places = { state: '/var/lib/belay', sockets: '/run/belay' };

const FRONT_SOCKET = 'belayd.sock';

export type DaemonDeps = { readonly platform: Platform; readonly places: Places; readonly log: Logger; config(): AgentConfig; configProblem(): string | undefined };
export interface Daemon {
  configChanged(): void;
  close(): Promise<void>;
}

/** The composition root: everything is made here, once, and handed on. Ready to serve when it resolves. */
export async function startDaemon(deps: DaemonDeps): Promise<Daemon> {
  const { platform, places, log } = deps;
  makeFolders(places);
  const opened = openStateStore(join(places.state, 'state.db'));
  const journalStore = openOrPutAside(join(places.state, 'journal.db'), openJournalStore);
  const core = createCore(deps, opened.store, journalStore.store);
  const { state, journal } = core;
  core.load();
  const lost = await recordLost(journal, core.recordings, platform);
  if (opened.damaged !== undefined) state.setProblem('state', `The state on disk was damaged and put aside as ${opened.damaged}: enrol this device again.`);
  if (journalStore.damaged !== undefined) state.setProblem('journal', `The journal on disk was damaged and put aside as ${journalStore.damaged}: enrol this device again.`);
  journal.commit({ type: 'agent.started', fields: { version: AGENT_VERSION, lost } });
  await Promise.race([core.readAhead(), delay(AHEAD_LIMIT_MS, undefined, { ref: false })]);
  const trial = createRehearsalTrial(() => performance.now());
  const servers = [await listen(tellingAnswers(core.front, trial.answered), platform, log)];
  const group = platform.accounts.groupByName('belay');
  if (group === undefined) state.setProblem('uplink', 'There is no system group "belay": the uplink cannot connect.');
  else servers.push(await listen(core.uplink.door, platform, log));
  core.configChanged();
  const rehearsing = warmUp({ platform, socket: join(places.sockets, FRONT_SOCKET), usesPam: () => usesPam(deps.config().sudo), isWarm: core.isWarm, trial });
  const trimming = setInterval(platform.trimMemory, TRIM_EVERY_MS);
  return {
    configChanged: core.configChanged,
    async close() {
      rehearsing.stop();
      clearInterval(trimming);
      await Promise.all(servers.map((server) => server.close()));
      core.stop();
      await core.written();
      journal.append({ type: 'agent.stopped', fields: {} });
      journal.close();
      opened.store.close();
      platform.close();
    },
  };
}

const TRIM_EVERY_MS = 30_000;
/** So that the first requests after a start find it known; what takes longer is unknown to them. */
const AHEAD_LIMIT_MS = 1000;

function latest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
}

function makeFolders(places: Places): void {
  process.umask(0o077);
  mkdirSync(places.state, { recursive: true });
  chmodSync(places.state, 0o700);
  mkdirSync(places.sockets, { recursive: true });
  chmodSync(places.sockets, 0o755);
}

/** So soon after a request the processor's caches still hold what serves one. */
const WARM_MS = 5;

type StateStore = ReturnType<typeof openStateStore>['store'];

function createCore(deps: DaemonDeps, stateStore: StateStore, journalStore: JournalStore) {
  const { platform, places, log } = deps;
  const { clock, accounts } = platform;
  const keys = createEvidenceKeys(join(places.state, 'keys'));
  const limits = () => ({ maxBytes: deps.config().journal.maxBytes, retentionMs: retentionMs(deps.config()) });
  const aliases: Aliases = createAliases(platform.objectOf);
  const receiptedMs = journalStore.lastReceiptMs();
  const ahead: { reading: Promise<void> } = { reading: Promise.resolve() };
  const link: { state: LinkState | undefined } = { state: undefined };
  // The state speaks to what is made after it, and may have something to say before.
  const later: { journal?: Journal; reports?: Pick<ReturnType<typeof createReports>, 'changed'> } = {};
  const refused = (what: Parameters<StateEvents['refused']>[0], code: ErrorCode): void => later.journal?.append({ type: 'policy.refused', fields: { code, what } });
  const people = createPeople({
    store: stateStore, platform, log, refused,
    record: (event) => later.journal?.append(event),
    asking: () => askingRate(deps.config()),
    announce() {
      later.journal?.flush();
      later.reports?.changed();
    },
  });
  const state = new DeviceState(stateStore, {
    applied({ epoch, number, issuedAt }) {
      later.journal?.append({ type: 'policy.applied', fields: { epoch, number, issuedAt } });
    },
    refused,
    revoked: (ids) => people.revoke(ids),
    // Reading what is on disk may already find something changed.
    changed: () => later.reports?.changed(),
    inForce(set: PolicySet) {
      aliases.load(rulePaths(set));
      platform.keepNames(namesInPolicy(set));
      ahead.reading = platform.readAhead(needsOf(set));
    },
  }, people.held, clock.now);
  const identity = state.identityOnDisk();
  const commitLog = openLog(deps);
  const chain = Journal.open({ store: journalStore, commitLog, keys, clock, log, limits }, identity, localIdentity);
  const { journal } = chain;
  later.journal = journal;
  if (chain.fresh && identity !== undefined) state.abandon();
  const contact = createServerContact(clock, () => latest(receiptedMs, state.manifestAcceptedAt));
  const uplink: UplinkDoor = uplinkDoor(join(places.sockets, 'uplink.sock'), accounts.groupByName('belay')?.gid ?? 0, accounts, () => uplinkDeps);
  const reports = createReports({ state, journal, clock, link, serverSilentMs: contact.silentMs, uplinkConnected: () => uplink.connected, timeNonce: people.timeNonce, announce: uplink.announceState });
  later.reports = reports;
  const enrolments = createEnrolments({ state, journal, keys, now: clock.now, announce: uplink.announceTask });
  const recordings = createRecordings({
    folder: join(places.state, 'recordings'),
    limits: () => ({ ...deps.config().recording, retentionMs: retentionMs(deps.config()) }),
    now: clock.now,
    dropped: (what) => journal.append({ type: 'recording.dropped', fields: what }),
    log,
  });
  const writing = new Set<Promise<void>>();
  const reauthentications = createReauthentications(clock);
  const numbers = createRequestNumbers(journalStore);
  let servedAtMs = Number.NEGATIVE_INFINITY;
  const uplinkDeps = {
    state,
    journal,
    enrolments,
    log,
    daemonState: reports.daemonState,
    linkState(told: LinkState) {
      link.state = told;
      // With a number that is new: what went by since it was made counts against what is held.
      if (told.connected && people.timeNonce() !== undefined) reports.changed();
    },
    answer: (envelope: Uint8Array) => people.answer(envelope, state),
    time: (envelope: Uint8Array) => people.time(envelope, state),
    order(envelope: Uint8Array) {
      const order = takeOrder(envelope, state, stateStore, clock.now());
      if (order.ok && order.value?.action.type === 'report') reports.changed();
      return order.ok ? { ok: true as const, value: undefined } : order;
    },
    heard: contact.heard,
    receipt(envelope: Uint8Array) {
      const before = journal.chain.receipted;
      const taken = takeReceipt(envelope, state.trust, journal, clock.now());
      // SECURITY(T-36): one that was kept back, or sent twice, is no sign of life.
      if (taken.ok && journal.chain.receipted > before) contact.heard();
      if (taken.ok) reports.changed();
      return taken;
    },
  };
  journal.onHead(() => reports.headMoved());
  const approvals = { ...people, serverReached: () => uplink.connected && link.state?.connected === true, serverHas: (seq: number) => journal.chain.receipted >= seq };
  const front = frontDoor(join(places.sockets, FRONT_SOCKET), {
    sudo: {
      platform,
      journal,
      aliases,
      reauthentications,
      decided: watching(createDecided(), { journal, platform }),
      log,
      policy: () => state.policy,
      deviceId: () => journal.chain.device,
      settings: () => deps.config().sudo,
      nextRequest() {
        servedAtMs = clock.boot();
        return numbers.next();
      },
      serverSilentMs: contact.silentMs,
      healthy: () => journal.healthy,
      approvals: () => approvals,
      recordings,
      writing(work) {
        const known = work.finally(() => writing.delete(known));
        writing.add(known);
      },
    },
    administration: { enrolments, reauthentications, status: reports.status, posture: () => readPosture(platform, journal) },
    version: AGENT_VERSION,
    monotonicMs: clock.boot,
  });
  const heartbeat = createHeartbeat({ journal, contact, policy: () => state.policy?.set });
  return {
    state,
    journal,
    recordings,
    front,
    uplink,
    isWarm: () => clock.boot() - servedAtMs < WARM_MS,
    configChanged: () => state.setProblem('config', deps.configProblem()),
    /** What the policy in force asks of the device has been read once. */
    readAhead: () => ahead.reading,
    load() {
      people.load();
      state.load();
    },
    /** Outcomes of connections that broke, whose recordings were still being read. */
    async written() {
      await Promise.allSettled(writing);
    },
    stop() {
      recordings.close();
      heartbeat.stop();
      people.close();
      aliases.close();
      reports.close();
      numbers.close();
    },
  };
}

/** Undefined: it is slower without, and no less durable. */
function openLog({ platform, places, log }: DaemonDeps): OpenedCommitLog | undefined {
  try {
    return openCommitLog(platform.openFixedFile(join(places.state, 'journal.commit'), COMMIT_LOG_BYTES));
  } catch (error) {
    log.warn({ cause: Error.isError(error) ? error.message : 'fault' }, 'the commit log of the journal cannot be had');
    return undefined;
  }
}

/** Where no rule asks for it, it is read for the first time when root does. */
async function readPosture(platform: Platform, { healthy }: Journal): Promise<Posture> {
  const isKnown = Object.values(platform.posture()).some((fact) => fact !== undefined);
  if (!isKnown) await platform.readAhead({ packages: false, posture: true });
  return { ...platform.posture(), agentHealthy: healthy };
}

/** Elevations that the last run allowed and never heard of again. */
async function recordLost(journal: Journal, recordings: Recordings, { clock }: Platform): Promise<number> {
  const open = journal.openRequests();
  for (const { request, uid, user, bootId, bootMs } of open) {
    const durationMs = bootId === clock.bootId ? Math.max(0, clock.boot() - bootMs) : 0;
    const recorded = await recordings.measureOf(request).catch(() => undefined);
    const recording = recorded === undefined ? {} : recordingFields(recorded);
    journal.append({ type: 'elevation.outcome', fields: { request, uid, user: user ?? undefined, end: 'lost', value: 0, durationMs, ...recording } });
  }
  return open.length;
}
