/** A server's fleet ports in this process, and devices that speak to them as real ones do. */
import 'reflect-metadata';
import { createHash, createPrivateKey, generateKeyPairSync, sign, webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { appendEvent, chainIdOf, type ChainState, deviceIdOf, enrolmentStatement, type EventDraft, newChain, parseToken, renewalStatement } from '@belay/core/evidence';
import { type Ed25519Key, generateEd25519, randomBytes, sha256 } from '@belay/core/node-crypto';
import { EnrollmentService, FleetService, type SyncRequestSchema, type SyncResponse } from '@belay/proto/fleet';
import { createGrpcClient, type ServiceClient } from '@belay/proto/grpc';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { ChannelCredentials, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import * as x509 from '@peculiar/x509';
import { pino } from 'pino';
import { parseConfig } from '../../policy-server/src/config/load.ts';
import type { ServerConfig } from '../../policy-server/src/config/schema.ts';
import type { ServerContext } from '../../policy-server/src/context.ts';
import type { Actor } from '../../policy-server/src/features/accounts/permissions.ts';
import { createDeviceService, type DeviceService } from '../../policy-server/src/features/devices/service.ts';
import { type FleetServer, startFleet } from '../../policy-server/src/fleet/server.ts';
import { createServerKeys } from '../../policy-server/src/pki/create.ts';
import { dataFolder } from '../../policy-server/src/pki/data-folder.ts';
import { keepServerCertificate, type KeptCertificate, serverNames } from '../../policy-server/src/pki/server-certificate.ts';
import { openContext, readAuthority } from '../../policy-server/src/open.ts';

const CALL_MS = 20_000;
const WAIT_MS = 30_000;

export type TestServer = {
  readonly context: ServerContext;
  readonly fleet: FleetServer;
  readonly devices: DeviceService;
  readonly certificate: KeptCertificate;
  readonly ca: string;
  readonly folder: string;
  enrollment(): ServiceClient<typeof EnrollmentService>;
  token(options?: { readonly uses?: number; readonly validForMs?: number; readonly groups?: readonly string[] }): Promise<string>;
  close(): Promise<void>;
};

/** Who acts in tests that do not ask who. */
export const TESTER: Actor = { name: 'tester', scope: 'all' };

export type TestServerOptions = { readonly databaseUrl?: string; readonly config?: string; readonly clock?: () => number; readonly folder?: string };

export function testConfig(folder: string, { databaseUrl = 'sqlite', config = '' }: TestServerOptions): ServerConfig {
  const text = [
    `data: ${JSON.stringify(folder)}`,
    `database: { url: ${JSON.stringify(databaseUrl)} }`,
    'listen: { fleet: "127.0.0.1:0", enrollment: "127.0.0.1:0", api: "127.0.0.1:0" }',
    'addresses: { fleet: "localhost:1", enrollment: "localhost:1" }',
    config,
  ].join('\n');
  const parsed = parseConfig('test', text, {});
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return parsed.value.config;
}

/** With `folder`, a server that was made before is started again (or a second one beside it); else a new one is made. */
export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'belay-server-'));
  const data = dataFolder(folder);
  if (options.folder === undefined) await createServerKeys(data, 'only for this test');
  const config = testConfig(folder, options);
  const { context, close } = await openContext(config, pino({ level: process.env['BELAY_TEST_LOG'] ?? 'silent' }), options.clock);
  const authority = await readAuthority(data);
  const certificate = await keepServerCertificate({ data, authority, names: serverNames(config), clock: Date.now, log: context.log });
  const fleet = await startFleet(context, authority, certificate);
  await context.store.listening();
  const devices = createDeviceService(context);
  const ca = authority.certificatePem;
  return {
    context, fleet, certificate, devices, ca, folder,
    enrollment: () => createGrpcClient(EnrollmentService, local(fleet.enrollmentAddress), ChannelCredentials.createSsl(Buffer.from(ca))),
    async token({ uses = 1, validForMs = 60_000, groups = [] } = {}) {
      const made = await devices.createToken({ uses, validForMs, groups }, 'tester');
      if (!made.ok) throw new Error(made.error.message);
      return made.value.token;
    },
    async close() {
      certificate.close();
      await fleet.close();
      await close();
      if (options.folder === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function local(address: string): string {
  return address.replace('127.0.0.1', 'localhost');
}

export type Csr = { readonly der: Uint8Array; readonly keyPem: string };

export async function createCsr(): Promise<Csr> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({ name: 'CN=device', keys, signingAlgorithm: algorithm });
  const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
  return { der: new Uint8Array(request.rawData), keyPem: createPrivateKey({ key, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' }) as string };
}

export function digest(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

export type Enrolled = { readonly id: string; readonly key: Ed25519Key; readonly tlsKey: string; readonly certificate: Uint8Array; readonly serverId: Uint8Array; readonly admission: Uint8Array };

/** Enrols as a device does. Rejects with the gRPC error. */
export async function enrol(server: Pick<TestServer, 'enrollment'>, token: string, key: Ed25519Key = generateEd25519(), hostname = 'laptop'): Promise<Enrolled> {
  const parsed = parseToken(token, sha256);
  if (!parsed.ok) throw new Error(parsed.error.message);
  const { secret, serverId } = parsed.value;
  const csr = await createCsr();
  const id = deviceIdOf(key.publicKey, sha256);
  const evidenceProof = key.sign(enrolmentStatement(serverId, id, digest(csr.der)));
  const client = server.enrollment();
  try {
    const answer = await client.enroll({ secret, csr: csr.der, evidenceKey: key.publicKey, evidenceProof, hostname }, { timeoutMs: CALL_MS });
    return { id: answer.device, key, tlsKey: csr.keyPem, certificate: answer.certificate, serverId, admission: answer.admission };
  } finally {
    client.close();
  }
}

export function renewalProof(device: Enrolled, csr: Csr): Uint8Array {
  return sign('sha256', renewalStatement(device.serverId, device.id, digest(csr.der)), createPrivateKey(device.tlsKey));
}

export function pemOf(der: Uint8Array): string {
  return `-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`;
}

export function fleetClient(server: { readonly ca: string; readonly fleet: { readonly fleetAddress: string } }, device: Pick<Enrolled, 'certificate' | 'tlsKey'>): ServiceClient<typeof FleetService> {
  const context = createSecureContext({ ca: server.ca, cert: pemOf(device.certificate), key: device.tlsKey, minVersion: 'TLSv1.3' });
  return createGrpcClient(FleetService, local(server.fleet.fleetAddress), ChannelCredentials.createFromSecureContext(context));
}

type Report = MessageInitShape<typeof SyncRequestSchema>;

/** One Sync stream whose messages a test can wait for. */
export type TestStream = {
  readonly messages: readonly SyncResponse['message'][];
  report(report: Report): void;
  /** The first message that `matches`, whether it has come already or not. */
  next(matches: (message: SyncResponse['message'], index: number) => boolean): Promise<SyncResponse['message']>;
  /** The gRPC status that ended it. */
  readonly ended: Promise<ServiceError>;
  close(): void;
};

export function openSync(client: ServiceClient<typeof FleetService>): TestStream {
  const stream = client.sync() as ClientDuplexStream<Report, SyncResponse>;
  const messages: SyncResponse['message'][] = [];
  const waiting = new Set<() => void>();
  const ended = new Promise<ServiceError>((resolve) => stream.on('error', (error: ServiceError) => resolve(error)));
  stream.on('data', ({ message }: SyncResponse) => {
    messages.push(message);
    for (const look of waiting) look();
  });
  return {
    messages,
    report: (report) => void stream.write(report),
    next: (matches) => new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.delete(look);
        reject(new Error(`no such message; there were ${messages.map((message) => message.case).join(', ')}`));
      }, WAIT_MS);
      const look = (): void => {
        const found = messages.find(matches);
        if (found === undefined) return;
        clearTimeout(timer);
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
    }),
    ended,
    close: () => stream.cancel(),
  };
}

/** Writes a device's chain as belayd does. */
export type TestChain = {
  readonly chain: Uint8Array;
  readonly state: () => ChainState;
  /** Encoded events, chained and signed. */
  write(...drafts: readonly EventDraft[]): Uint8Array[];
  /** The same chain, going its own way from here: what a copied disk would do. */
  fork(): TestChain;
};

export function createChain(device: Pick<Enrolled, 'id' | 'key' | 'serverId'>, from?: { readonly state: ChainState; readonly key: Ed25519Key }): TestChain {
  const chain = chainIdOf(device.serverId, device.id, device.key.publicKey, sha256);
  let state = from?.state ?? newChain(chain, device.key.publicKey);
  let key = from?.key ?? device.key;
  return {
    chain,
    state: () => state,
    write: (...drafts) => drafts.map((draft) => {
      const next = draft.type === 'evidence.checkpoint' ? generateEd25519() : undefined;
      const actual: EventDraft = next === undefined ? draft : { type: 'evidence.checkpoint', fields: { nextKey: next.publicKey } };
      const written = appendEvent(state, actual, { timeMs: Date.now(), bootMs: 1, bootId: 'boot' }, key.sign, { sha256, random: randomBytes });
      state = written.state;
      key = next ?? key;
      return written.encoded;
    }),
    fork: () => createChain(device, { state, key }),
  };
}

export const CHECKPOINT: EventDraft = { type: 'evidence.checkpoint', fields: { nextKey: new Uint8Array(32) } };

export function elevation(request: number, command = '/usr/bin/true'): EventDraft {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
  return {
    type: 'elevation.denied',
    fields: {
      request, door: 'sudo', uid: 2001, user: 'alice', runAsUid: 0, runAsGid: 0, rules: ['p/r'], manifest: 1, command: bytes(command), argv: [bytes('--flag'), bytes('a b')],
      cwd: bytes('/home/alice'), terminal: 34816, sessionId: 99, why: 'denied-by-rule',
    },
  };
}

export async function eventually<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  const until = Date.now() + WAIT_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > until) throw new Error('it did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function newTlsKey(): string {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'pem', type: 'pkcs8' }) as string;
}
