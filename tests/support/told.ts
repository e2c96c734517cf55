/** A server in this process that tells a real mail server and real webhooks, and the people it tells. */
import { Registry } from 'prom-client';
import type { Notice, RequestFacts } from '../../policy-server/src/features/notices/notice.ts';
import { type RunningNotices, startNotices } from '../../policy-server/src/features/notices/start.ts';
import { newAccount } from '../../policy-server/src/features/accounts/account-row.ts';
import { writeBindings } from '../../policy-server/src/features/accounts/bindings.ts';
import type { RoleBinding } from '../../policy-server/src/features/accounts/permissions.ts';
import { startTestApi, type TestApi } from './api.ts';
import { enrol } from './fleet.ts';
import { freePort } from './free-port.ts';
import { type HookReceiver, type Mailbox, type MailboxOptions, makeTls, startHookReceiver, startMailbox, type TestTls } from './receivers.ts';

const CONSOLE = 'https://belay.example.org:7445';

export type Told = {
  readonly api: TestApi;
  readonly tls: TestTls;
  readonly hook: HookReceiver;
  /** The one that runs now. */
  mailbox(): Mailbox;
  stopMail(): Promise<void>;
  /** At the same port. */
  startMail(): Promise<void>;
  readonly admin: string;
  /** Enrolled, in the group `own`. */
  readonly device: string;
  readonly request: RequestFacts;
  record(notice: Notice): Promise<void>;
  person(name: string, options?: { readonly email?: string | null; readonly manager?: string; readonly users?: readonly string[] }): Promise<void>;
  account(name: string, bindings: readonly RoleBinding[], options?: { readonly email?: string | null; readonly person?: string; readonly groups?: readonly string[] }): Promise<void>;
  restartNotices(): Promise<void>;
  close(): Promise<void>;
};

export type ToldOptions = { readonly databaseUrl?: string; readonly clock?: () => number; readonly mail?: MailboxOptions; readonly smtp?: (mailbox: Mailbox, tls: TestTls) => string; readonly webhooks?: string };

export async function startTold({ databaseUrl, clock = Date.now, mail = {}, smtp, webhooks = 'allowAddresses: ["127.0.0.1"]' }: ToldOptions = {}): Promise<Told> {
  const tls = await makeTls();
  const hook = await startHookReceiver(tls);
  let mailbox = await startMailbox(tls, { port: await freePort(), ...mail });
  const settings = smtp?.(mailbox, tls) ?? `tls: starttls`;
  const config = [
    `smtp: { host: 127.0.0.1, port: ${mailbox.port}, from: "Belay <belay@example.org>", authorities: ${JSON.stringify(tls.ca)}, ${settings} }`,
    `webhooks: { authorities: ${JSON.stringify(tls.ca)}, ${webhooks} }`,
  ].join('\n');
  const api = await startTestApi({ config, clock, ...(databaseUrl === undefined ? {} : { databaseUrl }) });
  const { store, notices } = api.context;
  let running: RunningNotices = startNotices(api.context, CONSOLE);
  await api.account('root', 'administrator');
  const device = (await enrol(api, await api.token({ groups: ['own'] }))).id;
  return {
    api, tls, hook, device,
    mailbox: () => mailbox,
    stopMail: () => mailbox.close(),
    async startMail() {
      mailbox = await startMailbox(tls, { ...mail, port: mailbox.port });
    },
    admin: await api.signIn('root'),
    request: {
      id: 'r-abcdefghij', number: 217, device: { id: device, name: 'laptop' }, user: 'alice', uid: 1000, person: null, command: '/usr/bin/id -u', runAs: 'root:root', alsoOn: [], reason: 'to see',
      stance: 'waiting', emergency: false, rules: ['developers/ask'], filedAt: clock(), expiresAt: clock() + 3_600_000,
    },
    record: (notice) => store.transaction((tx) => notices.record(tx, notice)),
    async person(name, { email = null, manager, users = [] } = {}) {
      await store.db.insertInto('persons').values({ id: `p-${name}`, name, email, manager_id: manager === undefined ? null : `p-${manager}`, created_at: 1 }).execute();
      for (const user of users) await store.db.insertInto('person_users').values({ person_id: `p-${name}`, device_id: null, user_name: user }).execute();
    },
    async account(name, bindings, { email = `${name}@example.org`, person, groups = [] } = {}) {
      await store.db.insertInto('accounts').values(newAccount({ id: `a-${name}`, name, passwordHash: '', createdAt: 1, email, groups, personId: person === undefined ? null : `p-${person}` })).execute();
      await writeBindings(store.db, `a-${name}`, bindings);
    },
    async restartNotices() {
      await running.close();
      running = startNotices({ ...api.context, metrics: new Registry() }, CONSOLE);
    },
    async close() {
      await running.close();
      await api.close();
      await Promise.all([hook.close(), mailbox.close()]);
      tls.close();
    },
  };
}

/** A header of a letter, unfolded. */
export function headerOf(raw: string, name: string): string | undefined {
  const head = raw.slice(0, raw.indexOf('\r\n\r\n')).replace(/\r\n[ \t]/g, ' ');
  return head.split('\r\n').find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`))?.slice(name.length + 1).trim();
}

/** All that is in a letter, decoded: what a reader could come to see. */
export function contentOf(raw: string): string {
  return raw.replace(/=\r\n/g, '').replace(/(?:=[0-9A-F]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll('=', ''), 'hex').toString('utf8'));
}
