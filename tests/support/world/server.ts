import type { Place } from './place.ts';
import { commandOf } from './programs.ts';
import { createService, type Service } from './service.ts';

export const serverFolder = '/var/lib/belay-server';
const configFile = `${serverFolder}/server.yaml`;
export const adminPassword = 'a-rope-for-the-admin';
/** Of the root key. */
export const rootPassphraseFile = '/run/belay-root-passphrase';

export type ServerOptions = {
  readonly databaseUrl?: string;
  /** More of server.yaml, for instance `devices: { silentAfter: 2s }`. */
  readonly config?: string;
};

/** Initialises a server in a world and answers it, not yet started. */
export async function prepareServer(place: Place, options: ServerOptions): Promise<Service> {
  await place.shell(`install -d -m 0700 -o belay-server -g belay-server ${serverFolder}`);
  await place.writeFile('/run/belay-admin-password', `${adminPassword}\n`);
  await place.writeFile(rootPassphraseFile, 'a-rope-for-the-root-key\n');
  const args = ['init', '--data', serverFolder, '--admin', 'admin', '--admin-password-file', '/run/belay-admin-password', '--root-passphrase-file', rootPassphraseFile, '--address', 'belay-world', '--listen', '127.0.0.1', '--database', options.databaseUrl ?? 'sqlite'];
  const made = await place.runAs('belay-server', commandOf('belay-server', args), { timeoutMs: 60_000 });
  if (made.code !== 0) throw new Error(`belay-server init failed (${made.code}): ${made.stderr}${made.stdout}`);
  if (options.config !== undefined) await place.shell(`cat >>${configFile}`, { input: `${options.config}\n` });
  return createService(place, {
    name: 'belay-server',
    user: 'belay-server',
    command: commandOf('belay-server', ['serve', '--config', configFile]),
    isReady: async () => (await place.run(['bash', '-c', 'exec 2>/dev/null; for port in 7443 7444 7445; do : </dev/tcp/127.0.0.1/$port || exit 1; done'])).code === 0,
  });
}
