import { EnrollmentService, FleetService } from '@belay/proto/fleet';
import { addGrpcService } from '@belay/proto/grpc';
import { Server, type ServerCredentials, type ServerOptions } from '@grpc/grpc-js';
import type { ServerContext } from '../context.ts';
import { createIngest } from '../features/events/ingest.ts';
import { createAnswers } from '../features/requests/answers.ts';
import { createRequestClock, type RequestClock } from '../features/requests/request-clock.ts';
import { takeRequestEvents } from '../features/requests/take-events.ts';
import type { Authority } from '../pki/authority.ts';
import type { ServerCertificate } from '../pki/server-certificate.ts';
import { createIdentify } from './caller.ts';
import { createConnections } from './connections.ts';
import { RenewedCredentials } from './credentials.ts';
import { enrollmentHandlers } from './enrollment.ts';
import { createManifests } from './manifests.ts';
import { createOrders, type Orders } from './orders.ts';
import { createPresence } from './presence.ts';
import { fleetHandlers } from './service.ts';

export type FleetServer = {
  /** HOST:PORT that is really listened on. */
  readonly fleetAddress: string;
  readonly enrollmentAddress: string;
  readonly orders: Orders;
  readonly requests: RequestClock;
  close(): Promise<void>;
};

const STREAMS_PER_CONNECTION = 16;
const KEEP_ALIVE_MS = 30_000;
const KEEP_ALIVE_TIMEOUT_MS = 10_000;
const CLOSE_MS = 2_000;
const ENROLLMENT_MESSAGE_BYTES = 64 * 1024;

function optionsOf(messageBytes: number): ServerOptions {
  return {
    'grpc.max_receive_message_length': messageBytes,
    'grpc.max_concurrent_streams': STREAMS_PER_CONNECTION,
    'grpc.keepalive_time_ms': KEEP_ALIVE_MS,
    'grpc.keepalive_timeout_ms': KEEP_ALIVE_TIMEOUT_MS,
    'grpc.keepalive_permit_without_calls': 1,
  };
}

/** Opens both ports: one for enrolled devices by mutual TLS, one for those without a certificate. */
export async function startFleet(context: ServerContext, authority: Authority, certificate: ServerCertificate): Promise<FleetServer> {
  const { config, store, clock } = context;
  const identify = createIdentify(store, clock);
  const manifests = createManifests(context);
  const orders = createOrders(context);
  const presence = createPresence(context);
  const connections = createConnections({ ...context, identify, manifests, orders, presence, answers: createAnswers(context) });
  const requests = createRequestClock(context);
  const ingest = createIngest({ ...context, onStored: (tx, device, events) => takeRequestEvents(context, tx, device, events) });
  const fleet = new Server(optionsOf(config.limits.messageBytes));
  addGrpcService(fleet, FleetService, fleetHandlers({ ...context, identify, connections, manifests, presence, ingest }));
  const enrollment = new Server(optionsOf(ENROLLMENT_MESSAGE_BYTES));
  addGrpcService(enrollment, EnrollmentService, enrollmentHandlers({ ...context, authority }));

  const close = async (): Promise<void> => {
    presence.close();
    connections.close();
    await Promise.all([shutDown(fleet), shutDown(enrollment), requests.close()]);
  };
  try {
    const fleetAddress = await listen(fleet, config.listen.fleet, new RenewedCredentials(certificate, authority.certificatePem));
    const enrollmentAddress = await listen(enrollment, config.listen.enrollment, new RenewedCredentials(certificate));
    return { fleetAddress, enrollmentAddress, orders, requests, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function listen(server: Server, address: string, credentials: ServerCredentials): Promise<string> {
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentials, (error, port) => {
      if (error !== null) reject(new Error(`cannot listen on ${address}: ${error.message}`));
      else resolve(address.replace(/:[0-9]+$/, `:${port}`));
    });
  });
}

function shutDown(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const force = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, CLOSE_MS);
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}
