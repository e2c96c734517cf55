import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { pino } from 'pino';
import { Document } from 'yaml';
import { loadConfig } from '../config/load.ts';
import type { ServerContext } from '../context.ts';
import { writeBindings } from '../features/accounts/bindings.ts';
import { newAccount } from '../features/accounts/account-row.ts';
import { hashPassword, MIN_PASSWORD } from '../features/accounts/password.ts';
import { createPolicyService } from '../features/policies/service.ts';
import { createServerKeys } from '../pki/create.ts';
import { type DataFolder, dataFolder, SECRET, writeDurably } from '../pki/data-folder.ts';
import { checkPassphrase, generatePassphrase } from '../pki/root-key.ts';
import { openContext } from '../open.ts';
import { EXIT, print, readSecret, UserError } from './output.ts';
import { RECOVERY_POLICY } from './recovery-policy.ts';

export type InitOptions = {
  readonly data: string;
  readonly admin: string;
  readonly adminPasswordFile?: string;
  readonly rootPassphraseFile?: string;
  readonly address?: string;
  readonly listen: string;
  readonly fleetPort: number;
  readonly enrollmentPort: number;
  readonly apiPort: number;
  readonly database: string;
};

const ADMIN_NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

/** Makes a server: keys, authority, configuration, database, first administrator, recovery policy. Nothing on failure. */
export async function init(options: InitOptions): Promise<number> {
  const data = dataFolder(resolve(options.data));
  const passphrase = options.rootPassphraseFile === undefined ? generatePassphrase() : readSecret(options.rootPassphraseFile, 'passphrase');
  const password = options.adminPasswordFile === undefined ? randomBytes(15).toString('base64url') : readSecret(options.adminPasswordFile, 'password');
  check(options, data, passphrase, password);
  const hadFolder = existsSync(data.folder);
  mkdirSync(data.folder, { recursive: true, mode: 0o700 });
  try {
    const serverId = await createServerKeys(data, passphrase);
    writeDurably(data.config, configText(options), SECRET);
    await fillDatabase(data, options.admin, password);
    report(options, data, serverId, {
      ...(options.adminPasswordFile === undefined ? { password } : {}),
      ...(options.rootPassphraseFile === undefined ? { 'root key passphrase': passphrase } : {}),
    });
    return EXIT.done;
  } catch (error) {
    for (const name of readdirSync(data.folder)) rmSync(join(data.folder, name), { recursive: true, force: true });
    if (!hadFolder) rmSync(data.folder, { recursive: true, force: true });
    throw error;
  }
}

function check(options: InitOptions, data: DataFolder, passphrase: string, password: string): void {
  if (existsSync(data.folder) && readdirSync(data.folder).length > 0) {
    const what = existsSync(data.rootPublicKey) ? 'already holds a server' : 'is not empty';
    throw new UserError(`${data.folder} ${what}; nothing was changed. Name a folder that is empty or does not exist yet.`);
  }
  const weak = checkPassphrase(passphrase);
  if (weak !== undefined) throw new UserError(weak.message, EXIT.usage);
  if (password.length < MIN_PASSWORD) throw new UserError(`the administrator's password must have at least ${MIN_PASSWORD} characters`, EXIT.usage);
  if (!ADMIN_NAME.test(options.admin)) throw new UserError('the administrator\'s name has letters, digits and . _ @ - only', EXIT.usage);
}

function configText(options: InitOptions): string {
  const host = options.address ?? hostname();
  const isV6 = host.includes(':') && !host.startsWith('[');
  const at = (name: string, port: number): string => `${name}:${port}`;
  const name = isV6 ? `[${host}]` : host;
  const document = new Document({
    data: '.',
    database: { url: options.database },
    listen: { fleet: at(options.listen, options.fleetPort), enrollment: at(options.listen, options.enrollmentPort), api: at(options.listen, options.apiPort) },
    addresses: { fleet: at(name, options.fleetPort), enrollment: at(name, options.enrollmentPort) },
  });
  document.commentBefore = ' belay-server: docs/operations.md explains every key. Each can be overridden by a variable BELAY_SERVER_….';
  return document.toString();
}

async function fillDatabase(data: DataFolder, admin: string, password: string): Promise<void> {
  const loaded = loadConfig(data.config, process.env);
  if (!loaded.ok) throw new UserError(loaded.error.map(({ place, message }) => `${place}: ${message}`).join('\n'), EXIT.usage);
  const log = pino({ level: 'warn' }, pino.destination({ dest: 2, sync: true }));
  const { context, close } = await openContext(loaded.value.config, log);
  try {
    await addAdministrator(context, admin, password);
    const applied = await createPolicyService(context).apply({ files: [{ name: 'recovery.yaml', text: RECOVERY_POLICY }], comment: 'Made by belay-server init' }, admin);
    if (!applied.ok) throw new Error(`the recovery policy was refused: ${applied.error.message} ${JSON.stringify(applied.error.problems ?? [])}`);
  } finally {
    await close();
  }
}

async function addAdministrator({ store, clock }: ServerContext, name: string, password: string): Promise<void> {
  const existing = await store.db.selectFrom('accounts').select('id').limit(1).execute();
  if (existing.length > 0) throw new UserError('the database already belongs to a server; name an empty one');
  const account = newAccount({ name, passwordHash: await hashPassword(password), createdAt: clock() });
  await store.db.insertInto('accounts').values(account).execute();
  await writeBindings(store.db, account.id, [{ role: 'administrator', groups: 'all' }]);
}

/** `generated`: secrets that nobody knows yet. */
function report(options: InitOptions, data: DataFolder, serverId: Uint8Array, generated: Readonly<Record<string, string>>): void {
  print(
    `The server is ready in ${data.folder}`,
    '',
    `${'server id'.padEnd(22)} ${Buffer.from(serverId).toString('hex')}`,
    `${'administrator'.padEnd(22)} ${options.admin}`,
    ...Object.entries(generated).map(([name, value]) => `${name.padEnd(22)} ${value}   (shown this once)`),
    '',
    'Next:',
    `  1. Move ${data.rootKey} and its passphrase off this machine. It is needed only to rotate role keys`,
    '     and after a database was restored.',
    `  2. belay-server serve --config ${data.config}`,
    `  3. belayctl login https://HOST:${options.apiPort} --user ${options.admin} --ca ${data.authorityCertificate}`,
    '',
    'A policy "recovery" is in force: members of the group belay-recovery may run anything after entering their password.',
  );
}
