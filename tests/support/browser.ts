/** As much of a browser as signing in needs: it keeps cookies, and its page sends the CSRF header. */
import type { Answered, AskOptions, TestApi } from './api.ts';

export type TestBrowser = {
  readonly cookies: Map<string, string>;
  /** What the page keeps of its session; sent along until somebody changes it. */
  csrf: string | undefined;
  ask(method: string, path: string, options?: AskOptions): Promise<Answered>;
  /** With a password only; fails unless that opens a session. */
  signIn(name: string, password: string): Promise<Answered>;
};

export function openBrowser(api: Pick<TestApi, 'ask'>): TestBrowser {
  const cookies = new Map<string, string>();
  const browser: TestBrowser = {
    cookies,
    csrf: undefined,
    async ask(method, path, options = {}) {
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const headers = { ...(cookie === '' ? {} : { cookie }), ...(browser.csrf === undefined ? {} : { 'x-belay-csrf': browser.csrf }), ...options.headers };
      const answer = await api.ask(method, path, { ...options, headers });
      for (const set of answer.headers['set-cookie'] ?? []) keep(cookies, set);
      if (typeof answer.body['csrf'] === 'string') browser.csrf = answer.body['csrf'];
      return answer;
    },
    async signIn(name, password) {
      const answer = await browser.ask('POST', '/api/v1/session', { body: { name, password } });
      if (answer.status !== 200 || answer.body['csrf'] === undefined) throw new Error(`no session: ${answer.text}`);
      return answer;
    },
  };
  return browser;
}

function keep(cookies: Map<string, string>, set: string): void {
  const [pair = '', ...attributes] = set.split(';').map((part) => part.trim());
  const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
  if (attributes.includes('Max-Age=0')) cookies.delete(name);
  else cookies.set(name, value);
}
