// T-41. Attacker: an administrator who may set up webhooks and nothing else, or who has taken over a receiver or its name server; they
// want the server to speak to what only it can reach: itself, the cloud's metadata, an intranet. Set-up: a server with its default rules
// (loopback is allowed in some tests, to stand for a public receiver). Procedure: URLs of every written form; a name that leads outside
// when it is checked and inside when it is called; redirects; answers without end or without beginning. Nothing inside is spoken to, and
// what is told of a failure says nothing of what is there.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createWebhookSender } from '../../policy-server/src/features/notices/webhook-sender.ts';
import { startTestApi, type TestApi } from '../support/api.ts';
import { type HookReceiver, makeTls, startHookReceiver, type TestTls } from '../support/receivers.ts';

let api: TestApi;
let admin: string;
/** What must not be spoken to: it counts connections. */
let inside: Server;
let insidePort: number;
let connections = 0;
let tls: TestTls;
let hook: HookReceiver;
const strict = { allowAddresses: [], allowHttpToLoopback: false };

beforeAll(async () => {
  api = await startTestApi();
  await api.account('root', 'administrator');
  admin = await api.signIn('root');
  inside = createServer((socket: Socket) => {
    connections++;
    socket.destroy();
  });
  inside.listen(0, '127.0.0.1');
  await once(inside, 'listening');
  insidePort = (inside.address() as AddressInfo).port;
  tls = await makeTls();
  hook = await startHookReceiver(tls);
});
afterAll(async () => {
  inside.close();
  await hook.close();
  await api.close();
  tls.close();
});

const make = (url: string) => api.ask('POST', '/api/v1/webhooks', { token: admin, body: { name: 'x', url } });

test.each([
  'https://127.0.0.1', 'https://localhost', 'https://2130706433', 'https://0x7f000001', 'https://0177.1', 'https://127.1', 'https://[::1]', 'https://[::ffff:127.0.0.1]', 'https://[::ffff:7f00:1]',
  'https://0', 'https://169.254.169.254', 'https://[fd00:ec2::254]', 'https://10.0.0.1', 'https://192.168.0.1', 'https://[fe80::1]', 'http://127.0.0.1', 'http://example.org',
  'https://user:password@example.org', 'gopher://127.0.0.1', 'file:///etc/passwd', 'https://127.0.0.1#@example.org', 'https://\u2460\u2461\u2466.0.0.1', 'unix:/run/docker.sock',
])('%s cannot be set up', async (origin) => {
  const url = /^https?:/.test(origin) && !origin.includes('#') ? `${origin}:${insidePort}/latest/meta-data` : origin;
  expect((await make(url)).status).toBe(400);
  expect(connections).toBe(0);
});

/** A webhook that got into the database while it was harmless. */
async function planted(url: string): Promise<string> {
  const id = `w-${Buffer.from(url).toString('base64url').slice(-12)}`;
  const { store, secrets } = api.context;
  await store.db.deleteFrom('webhooks').execute();
  await store.db.insertInto('webhooks').values({
    id, name: id, url, secret: secrets.seal(`webhook/${id}`, Buffer.alloc(32, 1)), old_secret: null, old_until: null, events: '[]', disabled: 0, created_at: 1, created_by: 'x',
    last_success_at: null, last_failure_at: null, last_failure: null,
  }).execute();
  return id;
}
const testOf = async (url: string) => (await api.ask('POST', `/api/v1/webhooks/${await planted(url)}/test`, { token: admin, body: {} })).body;

test('what was set up before the rules, or past them, is looked at again at each call', async () => {
  for (const url of [`https://127.0.0.1:${insidePort}/`, `http://127.0.0.1:${insidePort}/`, `https://localhost:${insidePort}/`, 'https://169.254.169.254/']) {
    expect(await testOf(url)).toMatchObject({ delivered: false, why: expect.stringMatching(/may not be called|begins with https/) });
  }
  expect(connections).toBe(0);
});

test('a name that leads elsewhere a moment later is called where it was checked', async () => {
  const answers = ['127.0.0.1', '127.0.0.9', '10.0.0.1'];
  const asked: string[] = [];
  const sender = createWebhookSender({
    ...api.context, authorities: tls.certPem, rules: { ...strict, allowAddresses: ['127.0.0.1'] },
    resolve: async (host) => {
      asked.push(host);
      return [{ address: answers[asked.length - 1] ?? '10.0.0.1' }];
    },
  });
  const id = await planted(`https://rebinding.example.org:${hook.port}/`);
  const send = () => sender.deliver({ id: 'msg_1', target: id, payload: JSON.stringify({ kind: 'test', by: 'x' }), createdAt: 1 }, new AbortController().signal);
  // Connected to the address that was checked: our receiver answers, with a certificate of another name.
  expect(await send()).toEqual({ kind: 'failed', why: expect.stringMatching(/CERT|ALTNAME|VERIFY|SELF_SIGNED/) });
  expect(asked).toHaveLength(1);
  expect(await send()).toMatchObject({ kind: 'failed', why: expect.stringContaining('may not be called') });
  expect(hook.calls).toHaveLength(0);
});

/** Loopback stands for the public Internet. */
function allowed() {
  return createWebhookSender({ ...api.context, authorities: undefined, rules: { allowAddresses: [], allowHttpToLoopback: true } });
}
const send = async (receiver: HookReceiver) => allowed().deliver({ id: 'msg_1', target: await planted(receiver.url), payload: JSON.stringify({ kind: 'test', by: 'x' }), createdAt: 1 }, new AbortController().signal);

test.each([301, 302, 303, 307, 308])('a redirect (%d) is not followed', async (status) => {
  const receiver = await startHookReceiver(undefined);
  receiver.answer((response) => response.writeHead(status, { location: `http://127.0.0.1:${insidePort}/` }).end());
  expect(await send(receiver)).toEqual({ kind: 'failed', why: `answered ${status}; redirects are not followed` });
  expect([connections, receiver.calls.length]).toEqual([0, 1]);
  await receiver.close();
});

test('an answer without end is read no further than its bound, and its words go nowhere', async () => {
  const receiver = await startHookReceiver(undefined);
  let written = 0;
  receiver.answer((response) => {
    response.writeHead(500, 'inside secret', { 'x-inside': 'secret' });
    const more = (): void => {
      if (response.destroyed) return;
      written += 16_384;
      response.write('secret'.padEnd(16_384, 'x'), () => setImmediate(more));
    };
    more();
  });
  const outcome = await send(receiver);
  expect(outcome).toEqual({ kind: 'failed', why: 'answered 500' });
  expect(written).toBeLessThan(64 * 1024 * 1024);
  await receiver.close();
});

test('an answer that never comes, or comes a byte at a time, ends after ten seconds', async () => {
  const [silent, slow] = [await startHookReceiver(undefined), await startHookReceiver(undefined)];
  silent.answer('hang');
  slow.answer((response) => {
    response.writeHead(200);
    const timer = setInterval(() => (response.destroyed ? clearInterval(timer) : response.write('x')), 200);
  });
  const before = performance.now();
  const outcomes = [await send(silent), await send(slow)];
  expect(outcomes).toEqual([1, 2].map(() => ({ kind: 'failed', why: 'no answer within 10 s' })));
  expect(performance.now() - before).toBeLessThan(60_000);
  await Promise.all([silent.close(), slow.close()]);
});
