// One person who approves whatever waits, and the time from each yes (the request is about to be sent) to the moment at which the waiting
// command runs and says what time it is. Run inside a world as root; prints the milliseconds of each as JSON.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { Agent, request as httpsRequest } from 'node:https';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';

const [caFile = '', url = '', name = '', passwordFile = '', count = '0', uid = '', gid = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, ca: readFileSync(caFile) });
const LOOK_EVERY_MS = 10;
const WAIT_MS = 20_000;
let token = '';

async function ask(method: string, path: string, body?: object): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const content = body === undefined ? undefined : JSON.stringify(body);
  return await new Promise((resolve, reject) => {
    const call = httpsRequest(`${url}/api/v1${path}`, { method, agent, headers: { ...(token === '' ? {} : { authorization: `Bearer ${token}` }), ...(content === undefined ? {} : { 'content-type': 'application/json' }) } }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) as Record<string, unknown> }));
    });
    call.on('error', reject);
    call.end(content);
  });
}

async function waiting(): Promise<string> {
  for (const deadline = Date.now() + WAIT_MS; Date.now() < deadline; await pause(LOOK_EVERY_MS)) {
    const { body } = await ask('GET', '/requests?state=pending&limit=1');
    const [first] = body['requests'] as readonly { readonly id: string }[];
    if (first !== undefined) return first.id;
  }
  throw new Error('no request came');
}

/** `date` says when it ran, by the clock that this process reads too. */
async function once(): Promise<number> {
  const child = spawn('/usr/bin/sudo', ['/usr/bin/date', '+%s%N'], { uid: Number(uid), gid: Number(gid), cwd: '/', stdio: ['ignore', 'pipe', 'pipe'] });
  const said = { out: '', error: '' };
  child.stdout.on('data', (chunk: Buffer) => { said.out += chunk.toString(); });
  child.stderr.on('data', (chunk: Buffer) => { said.error += chunk.toString(); });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const id = await waiting();
  const clickedAt = performance.timeOrigin + performance.now();
  const answer = await ask('POST', `/requests/${id}/approve`, { words: 'go on' });
  if (answer.status !== 200) throw new Error(`not approved: ${JSON.stringify(answer.body)}`);
  await ended;
  const ranAt = Number(said.out.trim()) / 1e6;
  if (!Number.isFinite(ranAt) || ranAt === 0) throw new Error(`it did not run: ${said.error}`);
  return ranAt - clickedAt;
}

token = (await ask('POST', '/login', { name, password: readFileSync(passwordFile, 'utf8').trim() })).body['token'] as string;
const times: number[] = [];
for (let at = 0; at < Number(count); at++) times.push(await once());
process.stdout.write(`${JSON.stringify(times)}\n`);
process.exit(0);
