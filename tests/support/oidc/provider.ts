/** Single sign-on against a real provider in a process of its own; its pages are gone through over HTTP. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Answered } from '../api.ts';
import type { TestBrowser } from '../browser.ts';

const CLIENT_SECRET = 'a secret that only the two of them have';
const CLIENT = 'belay';

export type TestProvider = {
  readonly issuer: string;
  /** Its entry in a server's configuration, under `oidc:`; `rest`: what else is in it, in lines of YAML. */
  entry(id: string, rest: string, options?: { readonly secret?: string }): string;
  /** A server at this address calls back for its entry of this id. */
  serves(server: string, id: string): Promise<void>;
  /** What it says of somebody from now on. */
  person(id: string, claims: Readonly<Record<string, unknown>>): Promise<void>;
  /** Goes through its pages as this person; answers where it sends the browser in the end. */
  signIn(address: string, person: string): Promise<URL>;
  close(): Promise<void>;
};

const START_MS = 60_000;

export async function startProvider(): Promise<TestProvider> {
  const folder = mkdtempSync(join(tmpdir(), 'belay-provider-'));
  const child = fork(fileURLToPath(new URL('./provider.mjs', import.meta.url)), { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv: [] });
  const { issuer } = await message(child) as { issuer: string };
  const tell = async (content: object): Promise<void> => {
    const heard = message(child);
    child.send(content);
    await heard;
  };
  return {
    issuer,
    entry(id, rest, { secret = CLIENT_SECRET } = {}) {
      const file = join(folder, id);
      writeFileSync(file, `${secret}\n`, { mode: 0o600 });
      const lines = [`id: ${id}`, `issuer: "${issuer}"`, `clientId: ${CLIENT}`, `clientSecretFile: "${file}"`, 'scopes: [openid, profile, email, groups]', ...rest.trim().split('\n')];
      return `  - ${lines.join('\n    ')}\n`;
    },
    serves: (server, id) => tell({ client: {
      client_id: CLIENT, client_secret: CLIENT_SECRET, redirect_uris: [`${server}/api/v1/session/oidc/callback/${id}`], grant_types: ['authorization_code'], response_types: ['code'], token_endpoint_auth_method: 'client_secret_basic',
    } }),
    person: (id, claims) => tell({ person: id, claims }),
    signIn: (address, person) => walk(address, issuer, person),
    async close() {
      const gone = once(child, 'exit');
      child.disconnect();
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function message(child: ChildProcess): Promise<unknown> {
  const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
  try {
    return await new Promise((resolve, reject) => {
      child.once('message', resolve);
      child.once('exit', () => reject(new Error('the provider ended')));
    });
  } finally {
    clearTimeout(timer);
    child.removeAllListeners('message').removeAllListeners('exit');
  }
}

const MOST_PAGES = 15;

async function walk(address: string, issuer: string, person: string): Promise<URL> {
  const cookies = new Map<string, string>();
  let [at, form]: [URL, string | undefined] = [new URL(address), undefined];
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    if (at.origin !== issuer) return at;
    const answer: Response = await fetch(at, {
      redirect: 'manual', method: form === undefined ? 'GET' : 'POST',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; '), ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }) },
      ...(form === undefined ? {} : { body: form }),
    });
    for (const set of answer.headers.getSetCookie()) {
      const [pair = ''] = set.split(';');
      cookies.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    const text = await answer.text();
    const location = answer.headers.get('location');
    if (location !== null) {
      [at, form] = [new URL(location, at), undefined];
      continue;
    }
    const prompt = /name="prompt" value="(\w+)"/.exec(text)?.[1];
    if (prompt === undefined) throw new Error(`the provider answered ${answer.status}: ${text.slice(0, 500)}`);
    form = new URLSearchParams({ prompt, login: person, password: 'any' }).toString();
  }
  throw new Error('the provider has too many pages');
}

/** From the console's button to the page it leads back to. */
export async function signOn(browser: TestBrowser, provider: TestProvider, person: string, query = ''): Promise<Answered> {
  const start = await browser.ask('GET', `/api/v1/session/oidc/start${query}`);
  if (start.status !== 303) throw new Error(`no redirect: ${start.text}`);
  const back = await provider.signIn(start.headers.location as string, person);
  return browser.ask('GET', `${back.pathname}${back.search}`);
}
