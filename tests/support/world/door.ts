import { spawn } from 'node:child_process';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { nodeBinary } from '../../../tools/node26.mjs';
import type { Place } from './place.ts';

export type OpenDoor = { readonly port: number; close(): Promise<void> };

/**
 * A port of the machine's loopback that leads to a port of a world's: a browser outside sees what is served inside. The sockets are taken
 * here and handed to a process in there; the world gets no way out. `preferred` is used when it is free.
 */
export async function openDoor(world: Pick<Place, 'hostPid'>, inside: number, preferred: number): Promise<OpenDoor> {
  const child = spawn('nsenter', [`--net=/proc/${world.hostPid()}/ns/net`, '--', nodeBinary(), '--disable-warning=ExperimentalWarning', fileURLToPath(new URL('door-inside.ts', import.meta.url)), String(inside)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const server = createServer({ pauseOnConnect: true }, (socket) => child.send('', socket));
  await listening(server, preferred).catch(async () => await listening(server, 0));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      const ended = new Promise((resolve) => child.once('close', resolve));
      server.close();
      child.disconnect();
      await ended;
    },
  };
}

async function listening(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}
