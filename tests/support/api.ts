/** The administrators' API of a server in this process, over real HTTPS and a real database. */
import { Agent, request as httpsRequest } from 'node:https';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { hashPassword } from '../../policy-server/src/features/accounts/password.ts';
import { newAccount } from '../../policy-server/src/features/accounts/account-row.ts';
import { writeBindings } from '../../policy-server/src/features/accounts/bindings.ts';
import type { Role, RoleBinding } from '../../policy-server/src/features/accounts/permissions.ts';
import type { Route } from '../../policy-server/src/http/route.ts';
import { startHttp } from '../../policy-server/src/http/server.ts';
import { startTestServer, type TestServer, type TestServerOptions } from './fleet.ts';

export const PASSWORD = 'a rope for the admin';

export type Answered = { readonly status: number; readonly type: string; readonly text: string; readonly body: Record<string, unknown>; readonly headers: IncomingHttpHeaders };
export type AskOptions = { readonly token?: string | undefined; readonly body?: unknown; readonly raw?: string; readonly headers?: Readonly<Record<string, string>> };

export type TestApi = TestServer & {
  readonly url: string;
  ask(method: string, path: string, options?: AskOptions): Promise<Answered>;
  /** Reads the answer as it comes. */
  open(path: string, token: string): Promise<IncomingMessage>;
  /** A role is one for every device. Its id is `a-NAME`. */
  account(name: string, role: Role | readonly RoleBinding[], personId?: string): Promise<void>;
  /** Signs in and answers the session's token. */
  signIn(name: string): Promise<string>;
};

export async function startTestApi(options: TestServerOptions = {}): Promise<TestApi> {
  const server = await startTestServer(options);
  const { context, certificate, ca } = server;
  const http = await startHttp(context, certificate);
  const url = http.address.replace('127.0.0.1', 'localhost');
  // As a browser does: a handshake for each of some hundred requests is most of what they cost.
  const agent = new Agent({ ca, keepAlive: true });
  const ask: TestApi['ask'] = async (method, path, { token, body, raw, headers = {} } = {}) => {
    const content = raw ?? (body === undefined ? undefined : JSON.stringify(body));
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = httpsRequest(`${url}${path}`, {
        method, agent,
        headers: { ...(content === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) }), ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
      }, resolve);
      request.on('error', reject);
      request.end(content);
    });
    const chunks: Buffer[] = [];
    for await (const chunk of answer) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const type = answer.headers['content-type'] ?? '';
    checkShape(http.routes, method, path, answer, text);
    return { status: answer.statusCode ?? 0, headers: answer.headers, type, text, body: type.includes('json') && !type.includes('ndjson') ? (JSON.parse(text) as Record<string, unknown>) : {} };
  };
  return {
    ...server, url, ask,
    open: (path, token) => new Promise((resolve, reject) => {
      httpsRequest(`${url}${path}`, { ca, agent: false, headers: { authorization: `Bearer ${token}` } }, resolve).on('error', reject).end();
    }),
    async account(name, role, personId) {
      const account = newAccount({ id: `a-${name}`, name, passwordHash: await hashPassword(PASSWORD), createdAt: context.clock(), personId });
      await context.store.db.insertInto('accounts').values(account).execute();
      await writeBindings(context.store.db, account.id, typeof role === 'string' ? [{ role, groups: 'all' }] : role);
    },
    async signIn(name) {
      const answer = await ask('POST', '/api/v1/login', { body: { name, password: PASSWORD } });
      if (answer.status !== 200) throw new Error(`login failed: ${answer.text}`);
      return answer.body['token'] as string;
    },
    async close() {
      agent.destroy();
      await http.close();
      await server.close();
    },
  };
}

/** Whatever a route answers in any test is what it says it answers: the OpenAPI document is made of these shapes. */
function checkShape(routes: readonly Route[], method: string, path: string, { statusCode, headers }: IncomingMessage, text: string): void {
  if (statusCode !== 200 || headers['content-type']?.startsWith('application/json') !== true) return;
  const asked = path.replace(/\?.*$/, '').split('/');
  const fits = ({ name }: Route): boolean => {
    const [verb, url] = name.split(' ') as [string, string];
    const parts = url.split('/');
    return verb === method && parts.length === asked.length && parts.every((part, at) => part.startsWith(':') || part === asked[at]);
  };
  const route = routes.filter(fits).toSorted((a, b) => a.name.split(':').length - b.name.split(':').length)[0];
  const parsed = route?.shapes.response?.safeParse(JSON.parse(text));
  if (parsed?.success === false) throw new Error(`${method} ${path} does not answer in its shape: ${parsed.error.message}\n${text.slice(0, 500)}`);
}
