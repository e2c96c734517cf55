import { chmodSync, chownSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import type { Peer, Platform } from '../platform/platform.ts';
import { FrameReader, frameOf } from './frame-reader.ts';
import type { ConnectionLimits } from './limits.ts';

/** One connection, after the kernel has said whose it is. */
export interface Connection {
  readonly peer: Peer;
  send(message: Uint8Array): void;
  /** Sends what is waiting and closes. */
  end(): void;
}

/** What a front end does with a connection. One message is handled at a time; the next waits in the kernel. */
export type Handler = {
  message(bytes: Buffer): void | Promise<void>;
  /** Called once, however it ended. */
  closed(): void;
};

export type Door = {
  readonly path: string;
  readonly mode: number;
  readonly group: number;
  readonly limits: ConnectionLimits;
  /** Largest frame, bytes, of this peer; undefined: not let in. */
  maxFrame(peer: Peer): number | undefined;
  /** May talk at once. */
  open(connection: Connection): Handler;
};

export type ServerLog = { error(detail: object, message: string): void; warn(detail: object, message: string): void; debug(detail: object, message: string): void };
export interface LocalServer {
  close(): Promise<void>;
}

/** A frame that was begun must end, and a connection that has nothing going on must say something. */
const UNFINISHED_MS = 10_000;
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

type Sockets = Pick<Platform, 'peerOf' | 'receiveWaiting' | 'sendAtOnce'>;

export async function listen(door: Door, platform: Sockets, log: ServerLog): Promise<LocalServer> {
  rmSync(door.path, { force: true });
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: false }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    accept(socket, { door, platform, log });
  });
  server.on('error', (error) => log.error({ cause: error.message, path: door.path }, 'the socket failed'));
  await bind(server, door);
  return {
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    }),
  };
}

function bind(server: Server, door: Door): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const mask = process.umask(0o177);
    server.listen({ path: door.path, backlog: 4096 }, () => {
      process.umask(mask);
      server.off('error', reject);
      chownSync(door.path, 0, door.group);
      chmodSync(door.path, door.mode);
      resolve();
    });
  });
}

type AcceptDeps = { readonly door: Door; readonly platform: Sockets; readonly log: ServerLog };

function accept(socket: Socket, { door, platform, log }: AcceptDeps): void {
  socket.on('error', () => {});
  const fd = descriptorOf(socket);
  const peer = fd === undefined || fd < 0 ? undefined : platform.peerOf(fd);
  if (peer?.ok !== true) {
    log.debug({ cause: peer?.error }, 'a connection was refused');
    socket.destroy();
    return;
  }
  const maxFrame = door.maxFrame(peer.value);
  if (maxFrame === undefined) {
    peer.value.close();
    socket.destroy();
    return;
  }
  admit(socket, peer.value, { door, platform, log, maxFrame }, TRIES);
}

/** Undefined: it is closed. */
function descriptorOf(socket: Socket): number | undefined {
  return (socket as unknown as { _handle?: { fd?: number } | null })._handle?.fd;
}

/** A connection that has just ended may not have been counted out yet: it is looked again in the next turns. */
const TRIES = 3;

// SECURITY(T-08): counted against the person, not the process, before a byte is read.
function admit(socket: Socket, peer: Peer, deps: ServeDeps, tries: number): void {
  const uid = peer.actor.realUid;
  if (deps.door.limits.enter(uid)) {
    socket.once('close', () => deps.door.limits.leave(uid));
    serve(socket, peer, deps);
  } else if (tries > 1) {
    setImmediate(() => admit(socket, peer, deps, tries - 1));
  } else {
    peer.close();
    socket.destroy();
  }
}

type ServeDeps = AcceptDeps & { readonly maxFrame: number };

/** Straight to the kernel while nothing is queued: whoever waits for it has it a good while sooner. */
function send(socket: Socket, frame: Buffer, platform: Sockets): void {
  const fd = descriptorOf(socket);
  const sent = fd !== undefined && socket.writable && socket.writableLength === 0 ? platform.sendAtOnce(fd, frame) : 0;
  if (sent < frame.length) socket.write(frame.subarray(sent));
}

function serve(socket: Socket, peer: Peer, { door, platform, log, maxFrame }: ServeDeps): void {
  const reader = new FrameReader(maxFrame);
  let timer: NodeJS.Timeout | undefined;
  let busy = false;
  const handler = door.open({
    peer,
    send(message) {
      if (socket.destroyed) return;
      send(socket, frameOf(message), platform);
      // Whoever asks and does not read is let go.
      if (socket.writableLength > MAX_WAITING_BYTES) socket.destroy();
    },
    end: () => socket.end(),
  });
  async function drain(): Promise<void> {
    if (busy) return;
    busy = true;
    for (let message = reader.next(); message !== undefined && !socket.destroyed; message = reader.next()) {
      if (message === 'too-large') {
        socket.destroy();
        break;
      }
      const handled = handler.message(message);
      if (handled === undefined) continue;
      socket.pause();
      await handled;
      socket.resume();
    }
    busy = false;
    clearTimeout(timer);
    timer = reader.unfinished ? setTimeout(() => socket.destroy(), UNFINISHED_MS) : undefined;
  }
  const take = (chunk: Buffer): void => {
    reader.push(chunk);
    drain().catch((error: unknown) => {
      log.error({ cause: Error.isError(error) ? error.stack : 'fault' }, 'an unexpected fault; the connection is closed');
      socket.destroy();
    });
  };
  socket.on('data', take);
  socket.once('close', () => {
    clearTimeout(timer);
    handler.closed();
    peer.close();
  });
  // A plugin asks as soon as it is connected: that need not wait for a turn of its own.
  const fd = descriptorOf(socket);
  const early = fd === undefined ? undefined : platform.receiveWaiting(fd);
  if (early !== undefined) take(early);
  if (!busy) socket.resume();
}
