/** A real PostgreSQL for a test, from the machine or from Debian's package unpacked beside it; a second to start, gone afterwards. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ensureDebian } from '../../tools/debian.mjs';

export type TestPostgres = {
  /** What `database.url` takes: a new, empty database of this server each time. */
  createDatabase(): string;
  /** Breaks every connection, as a restart of the database would. */
  disconnectAll(): void;
  close(): Promise<void>;
};

const VERSIONS = '/usr/lib/postgresql';
const START_MS = 60_000;
const STOP_MS = 10_000;

type Programs = { readonly bin: string; readonly environment: NodeJS.ProcessEnv };

function binIn(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  const newest = readdirSync(folder).filter((name) => existsSync(join(folder, name, 'bin', 'initdb'))).sort((a, b) => Number(b) - Number(a))[0];
  return newest === undefined ? undefined : join(folder, newest, 'bin');
}

function findPrograms(): Programs {
  const installed = binIn(VERSIONS);
  if (installed !== undefined) return { bin: installed, environment: process.env };
  const root = ensureDebian();
  const bin = binIn(join(root, VERSIONS));
  if (bin === undefined) throw new Error('Debian\'s package has no initdb');
  const libraries = ['usr/lib', `usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`].map((folder) => join(root, folder));
  return { bin, environment: { ...process.env, LD_LIBRARY_PATH: libraries.join(':') } };
}

/** initdb refuses root: some system account that owns nothing of importance does it. */
function accountFor(): { readonly uid?: number; readonly gid?: number; readonly name: string } {
  if (process.getuid?.() !== 0) return { name: 'postgres' };
  for (const name of ['postgres', 'nobody']) {
    const uid = Number(spawnSync('id', ['-u', name], { encoding: 'utf8' }).stdout);
    const gid = Number(spawnSync('id', ['-g', name], { encoding: 'utf8' }).stdout);
    if (Number.isSafeInteger(uid) && uid > 0) return { uid, gid, name: 'postgres' };
  }
  throw new Error('there is no user but root to run PostgreSQL');
}

/** Why PostgreSQL cannot be had here; undefined when it can. Tests are skipped for this reason and no other. */
export function postgresMissing(): string | undefined {
  try {
    findPrograms();
    accountFor();
    return undefined;
  } catch (error) {
    return `no PostgreSQL: ${(error as Error).message}`;
  }
}

/** `isDurable`: fsync on, for benches. */
export async function startPostgres({ isDurable = false }: { readonly isDurable?: boolean } = {}): Promise<TestPostgres> {
  const { bin, environment } = findPrograms();
  const { uid, gid, name } = accountFor();
  const as = { env: environment, cwd: '/', ...(uid === undefined || gid === undefined ? {} : { uid, gid }) };
  const folder = mkdtempSync(join(tmpdir(), 'belay-postgres-'));
  const [data, sockets] = [join(folder, 'data'), join(folder, 'sockets')];
  for (const each of [data, sockets]) mkdirSync(each, { mode: 0o700 });
  chmodSync(folder, 0o755);
  if (uid !== undefined && gid !== undefined) for (const each of [data, sockets]) chownSync(each, uid, gid);
  const initialise = (where: string): void => {
    const made = spawnSync(join(bin, 'initdb'), ['-D', where, '-A', 'trust', '-U', name, '--no-sync', '--no-locale', '-E', 'UTF8'], { ...as, encoding: 'utf8' });
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}${made.error?.message ?? ''}`);
  };
  fillCluster(data, initialise);
  const careless = ['-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'full_page_writes=off'];
  const settings = ['-D', data, '-k', sockets, '-c', 'listen_addresses=', '-c', 'max_connections=200', ...(isDurable ? [] : careless)];
  const server = spawn(join(bin, 'postgres'), settings, { ...as, stdio: 'ignore' });
  const psql = (database: string, statement: string) => spawnSync(join(bin, 'psql'), ['-h', sockets, '-U', name, '-qAtc', statement, database], { ...as, encoding: 'utf8' });
  await untilReady(server, () => psql('postgres', 'select 1').status === 0);
  let databases = 0;
  return {
    createDatabase() {
      const database = `test_${++databases}`;
      const created = psql('postgres', `create database ${database}`);
      if (created.status !== 0) throw new Error(`no database: ${created.stderr}`);
      return `postgresql://${name}@localhost/${database}?host=${encodeURIComponent(sockets)}`;
    },
    disconnectAll() {
      psql('postgres', 'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and backend_type = \'client backend\'');
    },
    async close() {
      await stop(server);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A second's work, so once in a run of all tests; the others copy it. */
function fillCluster(data: string, initialise: (where: string) => void): void {
  const kept = process.env['BELAY_TEST_FOLDER'];
  if (kept === undefined) return initialise(data);
  const cluster = join(kept, 'postgres-cluster');
  const copy = (from: string, to: string): void => {
    if (spawnSync('cp', ['-a', '-T', from, to]).status !== 0) throw new Error(`${from} cannot be copied to ${to}`);
  };
  if (existsSync(cluster)) return copy(cluster, data);
  initialise(data);
  const own = mkdtempSync(join(kept, 'cluster-'));
  copy(data, own);
  try {
    renameSync(own, cluster);
  } catch {
    rmSync(own, { recursive: true, force: true }); // another worker was first
  }
}

async function untilReady(server: ChildProcess, isReady: () => boolean): Promise<void> {
  const until = Date.now() + START_MS;
  while (!isReady()) {
    if (server.exitCode !== null || Date.now() > until) throw new Error('PostgreSQL did not start');
    await wait(50);
  }
}

/** SIGQUIT: at once, nothing of a test is worth a clean end. */
async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  server.kill('SIGQUIT');
  const timer = setTimeout(() => server.kill('SIGKILL'), STOP_MS);
  await gone;
  clearTimeout(timer);
}
