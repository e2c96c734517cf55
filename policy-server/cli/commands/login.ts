import type { Command } from 'commander';
import { authorityByFingerprint, createApi } from '../api.ts';
import { define, note, type OutputOptions, print, running } from '../command.ts';
import { Ended } from '../exit-codes.ts';
import { askLine, askSecret, secretFrom } from '../prompt.ts';
import { forgetSettings, readCa, readSettings, serverUrl, type Settings, settingsFile, writeSettings } from '../settings.ts';
import { type Binding, bindingsText } from '../roles.ts';
import { details, inert, timeText } from '../text.ts';

type LoginOptions = OutputOptions & { readonly server?: string; readonly user?: string; readonly passwordFile?: string; readonly codeFile?: string; readonly ca?: string; readonly fingerprint?: string; readonly systemCa?: boolean };
type Issued = { readonly token: string };

export function addLogin(program: Command): void {
  define(program, 'login', 'Sign in to a server; the session lasts twelve hours.', [
    'belayctl login --server https://belay.example.org:7445 --user admin --ca ca.pem',
    'belayctl login                                    again, to the same server',
    'belayctl login --password-file - < password.txt   without a terminal',
  ])
    .argument('[server]', 'the same as --server')
    .option('--server <url>', 'the server; the last one when left out')
    .option('--user <name>', 'the account; asked for when left out')
    .option('--password-file <file>', 'read the password from the first line of a file, "-" is stdin; else it is asked for, unseen')
    .option('--code-file <file>', 'read the code of your authenticator app, or a recovery code, from the first line of a file; else it is asked for when it is needed')
    .option('--ca <file>', 'trust the authority whose certificate is in this file (DATA/pki/ca.pem on the server)')
    .option('--fingerprint <hex>', "trust the authority with this SHA-256 in the server's chain")
    .option('--system-ca', "trust the system's authorities, not the one of last time")
    .addHelpText('after', `\nThe password is never taken from the command line, where others can read it. The session is kept in\n~/.config/belay/ctl.json (0600). Programs use a service token instead: BELAY_SERVER, BELAY_TOKEN and, where the\nauthority is the server's own, BELAY_CA (a file).`)
    .action(running(login));
  define(program, 'logout', 'End the session, on the server too.', []).action(running(logout));
  define(program, 'whoami', 'Who you are to the server.', []).action(running(whoami));
}

async function login(place: string | undefined, options: LoginOptions): Promise<void> {
  const kept = lastSettings();
  const address = place ?? options.server ?? process.env['BELAY_SERVER'] ?? kept?.server;
  if (address === undefined) throw new Ended('usage', 'Which server? Add --server https://HOST:7445.');
  const server = serverUrl(address);
  const ca = await authority(options, server, kept);
  const name = options.user ?? (kept !== undefined && serverUrl(kept.server).origin === server.origin ? kept.name : await askLine('User: '));
  const password = options.passwordFile === undefined ? await askSecret(`Password of ${inert(name)} at ${server.host}: `) : await secretFrom(options.passwordFile);
  const { token } = await enter({ server, ca }, { name, password }, options.codeFile);
  const who = await createApi({ server, ca, token }).get<Who>('/whoami');
  const role = bindingsText(who.bindings);
  writeSettings({ server: server.origin, ...(ca === undefined ? {} : { ca }), token, name: who.name, role, expiresAt: who.expiresAt });
  print(options, { server: server.origin, name: who.name, role, expiresAt: who.expiresAt },
    () => `Signed in to ${server.origin} as ${inert(who.name)} (${inert(role === '' ? 'no role yet' : role)}) until ${timeText(who.expiresAt)}.\n`);
}

type Place = { readonly server: URL; readonly ca: string | undefined };

/** With a second factor the server asks for a code; a terminal asks on. */
async function enter(place: Place, given: { readonly name: string; readonly password: string }, codeFile: string | undefined): Promise<Issued> {
  const api = createApi(place);
  if (codeFile !== undefined) return api.post<Issued>('/login', { ...given, code: await secretFrom(codeFile) });
  try {
    return await api.post<Issued>('/login', given);
  } catch (error) {
    const canAsk = error instanceof Ended && error.code === 'BELAY_E_SECOND_FACTOR' && process.stdin.isTTY;
    if (!canAsk) throw error;
    return api.post<Issued>('/login', { ...given, code: await askLine('Code of your authenticator app, or a recovery code: ') });
  }
}

/** A damaged file must not stand in the way of the login that mends it. */
function lastSettings(): Settings | undefined {
  try {
    return readSettings();
  } catch (error) {
    if (!(error instanceof Ended)) throw error;
    note(`belayctl: ${settingsFile()} cannot be used and will be replaced.`);
    return undefined;
  }
}

async function authority({ ca, fingerprint, systemCa }: LoginOptions, server: URL, kept: Settings | undefined): Promise<string | undefined> {
  if ([ca, fingerprint, systemCa].filter((each) => each !== undefined).length > 1) throw new Ended('usage', 'Give one of --ca, --fingerprint and --system-ca.');
  if (ca !== undefined) return readCa(ca);
  if (fingerprint !== undefined) return authorityByFingerprint(server, fingerprint);
  if (systemCa === true) return undefined;
  const { BELAY_CA: file } = process.env;
  if (file !== undefined && file !== '') return readCa(file);
  return kept !== undefined && serverUrl(kept.server).origin === server.origin ? kept.ca : undefined;
}

async function logout(options: OutputOptions): Promise<void> {
  const kept = readSettings();
  if (kept === undefined) return print(options, { signedOut: false }, () => 'You were not signed in.\n');
  try {
    await createApi({ server: serverUrl(kept.server), ca: kept.ca, token: kept.token }).post('/logout');
  } catch (error) {
    // An ended session is signed out; one that cannot be ended now is at least forgotten here.
    if (!(error instanceof Ended)) throw error;
    if (error.exit !== 'unauthenticated') note(`belayctl: the server was not told; the session ends by itself at ${timeText(kept.expiresAt)}. ${error.message}`);
  }
  forgetSettings();
  print(options, { signedOut: true }, () => `Signed out of ${kept.server}.\n`);
}

type Who = { readonly name: string; readonly bindings: readonly Binding[]; readonly permissions: readonly string[]; readonly kind: string; readonly expiresAt: number };

async function whoami(options: OutputOptions): Promise<void> {
  const who = await createApi().get<Who>('/whoami');
  print(options, who, () => details([['Name', who.name], ['Roles', bindingsText(who.bindings)], ['May', who.permissions.join(', ')], ['Kind', who.kind], ['Until', timeText(who.expiresAt)]]));
}
