import { startBrowser, type TestBrowser } from '../chromium.ts';
import type { Place } from './place.ts';
import { serverFolder } from './server.ts';

/** The console of a world's server, as browsers in the world reach it. */
export const consoleUrl = 'https://belay-world:7445';

/** A real Chromium in the network of a world. */
export async function startWorldBrowser(world: Pick<Place, 'hostPid' | 'shell'>): Promise<TestBrowser> {
  return await startBrowser(consoleUrl, {
    networkNamespace: `/proc/${world.hostPid()}/ns/net`, hosts: ['belay-world'],
    certificate: await world.shell(`cat ${serverFolder}/pki/server.pem`),
  });
}
