import { openSync } from 'node:fs';
import { connect } from 'node:net';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { ByteString } from '@belay/core/bytes';
import { generateEd25519 } from '@belay/core/node-crypto';
import { type CompiledPolicy, loadPolicySet, NO_DEMANDS, NO_OBLIGATIONS, STRICT_FAILURES } from '@belay/core/policy';
import { err, ok } from '@belay/core/result';
import { ClientFrameSchema, Outcome_End, ServerFrameSchema, SudoCheck_Mode } from '@belay/proto/local';
import { createDecided } from '../decide/decided.ts';
import { createReauthentications } from '../decide/reauthentication.ts';
import { frontDoor } from '../intercept/front-door.ts';
import type { Door } from '../intercept/local-server.ts';
import type { EvidenceKeys } from '../journal/evidence-keys.ts';
import { Journal } from '../journal/journal.ts';
import { openJournalStore } from '../journal/journal-store.ts';
import type { Peer, Platform } from '../platform/platform.ts';
import { localIdentity } from '../state/enrolment.ts';

/**
 * The first elevations after a start would take twice as long as later ones: V8 compiles what runs often. So belayd asks
 * itself, in quiet moments, some hundred times: the whole path of a request, with a journal in memory, a policy of its own and
 * nobody at the other end. Nothing of it is recorded, and nothing runs.
 */
export interface WarmUp {
  stop(): void;
}

const ROUNDS = 1500;
/** Between two rounds, so that whoever really asks waits for one at most. */
const PAUSE_MS = 1;
const COMMAND = '/usr/bin/true';
const NOBODY = 65_534;

export function warmUp(platform: Platform, socket: string): WarmUp {
  let left = ROUNDS;
  const rehearsal = createRehearsal(platform);
  const finish = (): void => {
    left = 0;
    clearTimeout(timer);
    rehearsal.close();
  };
  const round = (): void => {
    if (left-- <= 0) return finish();
    try {
      rehearsal.once();
      const caller = connect(socket);
      caller.on('error', () => {});
      caller.once('data', () => caller.destroy());
      timer = setTimeout(round, PAUSE_MS);
    } catch {
      // Another machine than was thought of here: then without.
      finish();
    }
  };
  let timer = setTimeout(round, PAUSE_MS);
  return { stop: finish };
}

function createRehearsal(platform: Platform): { once(): void; close(): void } {
  const journal = openRehearsalJournal(platform);
  const door = openRehearsalDoor(platform, journal);
  const checks = [encodeCheck(true), encodeCheck(false)];
  let number = 0;
  return {
    close: () => journal.close(),
    once() {
      const sent: Uint8Array[] = [];
      const handler = door.open({ peer: createPeer(), send: (message) => void sent.push(message), end: () => {} });
      void handler.message(checks[number % 2] as Buffer);
      const said = fromBinary(ServerFrameSchema, sent[1] ?? new Uint8Array()).message;
      number++;
      if (said.case === 'verdict') {
        const request = said.value.request;
        if (!said.value.go) void handler.message(encode({ case: 'commit', value: { request, token: said.value.token } }));
        void handler.message(encode({ case: 'outcome', value: { request, end: Outcome_End.EXITED, value: 0 } }));
      }
      handler.closed();
      if (number % 50 === 0) journal.seal();
    },
  };
}

function openRehearsalJournal(platform: Platform): Journal {
  const keys: EvidenceKeys = { make: generateEd25519, load: () => undefined, erase: () => {}, eraseAllBut: () => {} };
  const quiet = { error: () => {}, warn: () => {} };
  const limits = { maxBytes: Number.MAX_SAFE_INTEGER, retentionMs: Number.MAX_SAFE_INTEGER };
  return Journal.open({ store: openJournalStore(':memory:'), keys, clock: platform.clock, log: quiet, limits: () => limits }, undefined, localIdentity).journal;
}

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

function openRehearsalDoor(platform: Platform, journal: Journal): Door {
  const set = loadPolicySet([policy]);
  const manifest = {
    server: new Uint8Array(32), device: 'rehearsal', epoch: 1, number: 1, issuedAt: 0, expiresAt: Number.MAX_SAFE_INTEGER, name: '', groups: [], labels: {}, bundles: [], grants: [], revocations: [], features: [],
  };
  const reauthentications = createReauthentications(platform.clock);
  const nobody = (): never => {
    throw new Error('nobody enrols or approves in a rehearsal');
  };
  let request = 0;
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
    monotonicMs: platform.clock.boot,
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
