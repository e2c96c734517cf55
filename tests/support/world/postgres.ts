import type { Place } from './place.ts';
import { createService, type Service } from './service.ts';

const data = '/var/lib/postgresql/world';
const sockets = '/run/postgresql';

/** What belay-server is given as `database.url`. */
export const worldPostgresUrl = `postgresql://postgres@localhost/belay?host=${sockets}`;

/** PostgreSQL in a world: on a Unix socket, without fsync, with an empty database `belay`. */
export async function startPostgres(place: Place): Promise<Service> {
  const bin = (await place.shell('ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1')).trim();
  await place.shell(`install -d -o postgres -g postgres ${sockets} /var/lib/postgresql`);
  const made = await place.runAs('postgres', [`${bin}/initdb`, '-D', data, '-A', 'trust', '-U', 'postgres', '--no-sync', '--no-locale', '-E', 'UTF8']);
  if (made.code !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const psql = (database: string, statement: string) => place.runAs('postgres', [`${bin}/psql`, '-h', sockets, '-qAtc', statement, database]);
  const service = createService(place, {
    name: 'postgres',
    user: 'postgres',
    command: [`${bin}/postgres`, '-D', data, '-k', sockets, '-c', 'listen_addresses=', '-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off'],
    isReady: async () => (await psql('postgres', 'select 1')).code === 0,
  });
  await service.start();
  const created = await psql('postgres', 'create database belay');
  if (created.code !== 0) throw new Error(`no database: ${created.stderr}`);
  return service;
}
