import { openSync } from 'node:fs';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { ByteString } from '@belay/core/bytes';
import { generateEd25519 } from '@belay/core/node-crypto';
import { type CompiledPolicy, loadPolicySet, NO_DEMANDS, NO_OBLIGATIONS, STRICT_FAILURES } from '@belay/core/policy';
import { err, ok } from '@belay/core/result';
import { ClientFrameSchema, CommitAnswer_Answer, Outcome_End, type ServerFrame, ServerFrameSchema, SudoCheck_Mode } from '@belay/proto/local';
import { createDecided } from '../decide/decided.ts';
import { createReauthentications } from '../decide/reauthentication.ts';
import { frontDoor } from '../intercept/front-door.ts';
import type { Door } from '../intercept/local-server.ts';
import { COMMIT_LOG_BYTES, openCommitLog } from '../journal/commit-log.ts';
import type { EvidenceKeys } from '../journal/evidence-keys.ts';
import { Journal } from '../journal/journal.ts';
import type { JournalStore } from '../journal/journal-store.ts';
import type { Peer, Platform } from '../platform/platform.ts';
import { localIdentity } from '../state/enrolment.ts';

/** One request from its frame to its outcome: the very code that serves a sudo, with a policy of its own, a journal that keeps nothing, and nobody at the other end. */
export interface Rehearsal {
  /** `startsAtOnce`: as without PAM, where one answer is all there is. False, or throws: it came to no start; another machine than was thought of here. */
  once(startsAtOnce: boolean): boolean;
  close(): void;
}

const COMMAND = '/usr/bin/true';
const NOBODY = 65_534;
const BETWEEN_FRAMES_MS = 10;

export function createRehearsal(platform: Platform): Rehearsal {
  const journal = openJournal(platform);
  const door = openDoor(platform, journal);
  const checks = { atOnce: encodeCheck(true), inTwo: encodeCheck(false) };
  return {
    close: () => journal.close(),
    once(startsAtOnce) {
      const sent: Uint8Array[] = [];
      const handler = door.open({ peer: createPeer(), send: (message) => void sent.push(message), end: () => {} });
      void handler.message(startsAtOnce ? checks.atOnce : checks.inTwo);
      const verdict = messageIn(sent[1]);
      if (verdict.case !== 'verdict') return false;
      const { request, token, go } = verdict.value;
      if (!go) void handler.message(encode({ case: 'commit', value: { request, token } }));
      const committed = go ? undefined : messageIn(sent[2]);
      void handler.message(encode({ case: 'outcome', value: { request, end: Outcome_End.EXITED, value: 0 } }));
      handler.closed();
      return go || (committed?.case === 'commitAnswer' && committed.value.answer === CommitAnswer_Answer.GO);
    },
  };
}

function messageIn(frame: Uint8Array = new Uint8Array()): ServerFrame['message'] {
  return fromBinary(ServerFrameSchema, frame).message;
}

function openJournal(platform: Platform): Journal {
  const keys: EvidenceKeys = { make: generateEd25519, load: () => undefined, erase: () => {}, eraseAllBut: () => {} };
  const quiet = { error: () => {}, warn: () => {} };
  const limits = { maxBytes: Number.MAX_SAFE_INTEGER, retentionMs: Number.MAX_SAFE_INTEGER };
  const commitLog = openCommitLog({ contents: Buffer.alloc(COMMIT_LOG_BYTES), begin: () => {}, sync: () => {}, close: () => {} });
  return Journal.open({ store: forgetful, commitLog, keys, clock: platform.clock, log: quiet, limits: () => limits }, undefined, localIdentity).journal;
}

/** Keeps nothing. */
const forgetful: JournalStore = {
  current: () => undefined,
  begin: (chain) => ({ no: 1, receipted: 0, earliest: 1, ...chain }),
  write: () => {},
  note: () => {},
  openRequests: () => [],
  read: () => [],
  receipt: () => {},
  lastReceiptMs: () => undefined,
  prune: () => {},
  totalBytes: () => 0,
  reserveRequests: () => 1,
  returnRequests: () => {},
  growLog: () => false,
  tidy: () => {},
  close: () => {},
};

const policy: CompiledPolicy = {
  name: 'rehearsal',
  description: '',
  targets: { any: true, is: [], not: [] },
  mode: 'enforce',
  rules: [
    {
      name: 'rehearsal',
      then: 'allow',
      priority: 0,
      who: { any: false, is: [{ kind: 'uid', id: NOBODY }], not: [] },
      run: { any: false, is: [{ command: COMMAND, args: undefined, sha256: undefined, package: undefined }], not: [] },
      as: { users: [{ name: 'root' }], groups: 'own' },
      circumstances: {},
      when: undefined,
      demands: NO_DEMANDS,
      obligations: NO_OBLIGATIONS,
      failures: STRICT_FAILURES,
      message: undefined,
      recovery: false,
    },
  ],
};

function openDoor(platform: Platform, journal: Journal): Door {
  const set = loadPolicySet([policy]);
  const manifest = {
    server: new Uint8Array(32), device: 'rehearsal', epoch: 1, number: 1, issuedAt: 0, expiresAt: Number.MAX_SAFE_INTEGER, name: '', groups: [], labels: {}, bundles: [], grants: [], revocations: [], features: [],
  };
  const reauthentications = createReauthentications(platform.clock);
  const nobody = (): never => {
    throw new Error('nobody enrols or approves in a rehearsal');
  };
  let request = 0;
  let timeMs = 0;
  return frontDoor('', {
    sudo: {
      platform,
      journal,
      aliases: { pathsOf: () => [], load: () => {}, close: () => {} },
      reauthentications,
      decided: createDecided(),
      log: { error: () => {}, info: () => {}, warn: () => {} },
      recordings: { begin: () => err('nothing is recorded in a rehearsal') },
      writing: () => {},
      policy: () => ({ manifest, set, monitored: undefined }),
      deviceId: () => 'rehearsal',
      settings: () => ({ pamAccount: false, pamSession: false }),
      serverSilentMs: () => 0,
      healthy: () => true,
      nextRequest: () => ++request,
      approvals: nobody,
    },
    administration: { reauthentications, status: () => ({}), posture: nobody, enrolments: { begin: nobody, sign: nobody, finish: nobody, current: () => undefined, leave: nobody } },
    version: '',
    // Time enough between any two frames: a fast machine must not come to the limit of a person's rate.
    monotonicMs: () => (timeMs += BETWEEN_FRAMES_MS),
  });
}

function createPeer(): Peer {
  const actor = { pid: process.pid, realUid: NOBODY, realGid: NOBODY, groups: [NOBODY], effectiveUid: 0, loginSession: { sessionId: 0, leaderStart: 0, terminal: 0 } };
  return { actor, takeDescriptor: () => ok(openSync(COMMAND, 'r')), workingDirectory: () => '/' as ByteString, lineage: () => undefined, origin: () => undefined, close: () => {} };
}

type Message = NonNullable<Parameters<typeof create<typeof ClientFrameSchema>>[1]>['message'];

function encode(message: Message): Buffer {
  return Buffer.from(toBinary(ClientFrameSchema, create(ClientFrameSchema, message === undefined ? {} : { message })));
}

function encodeCheck(startsAtOnce: boolean): Buffer {
  const environment = ['PATH=/usr/bin:/bin', 'HOME=/', 'USER=nobody', 'LOGNAME=nobody', 'SHELL=/bin/sh', 'LANG=C.UTF-8', 'TERM=xterm', 'PWD=/'];
  const text = (value: string) => Buffer.from(value);
  return encode({
    case: 'sudoCheck',
    value: { mode: SudoCheck_Mode.RUN, argv: [text('true')], environment: environment.map(text), workingDirectory: text('/'), typedPath: text(COMMAND), executableOpen: true, executableFd: 3, fileModeMask: 0o22, pamAvailable: true, startsAtOnce },
  });
}
