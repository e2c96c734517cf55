import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { request } from 'node:https';
import { startTestApi, type TestApi } from '../../../tests/support/api.ts';
import { ensureConsole } from '../../../tools/console.mjs';

const FIRST_LOAD_BYTES = 300 * 1024;

type Got = { readonly status: number; readonly headers: Readonly<Record<string, string | string[] | undefined>>; readonly body: Buffer };

describe('the console, as the server serves it', () => {
  let api: TestApi;
  beforeAll(async () => {
    ensureConsole();
    api = await startTestApi();
    await api.account('root', 'administrator');
  });
  afterAll(() => api.close());

  const fetchRaw = (path: string, headers: Readonly<Record<string, string>> = {}, method = 'GET'): Promise<Got> => new Promise((resolve, reject) => {
    const { hostname, port } = new URL(api.url);
    // `path` as it stands: nothing here tidies up dots.
    request({ hostname, port, path, method, ca: api.ca, agent: false, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks) }));
    }).on('error', reject).end();
  });
  const assetsOf = (html: string): readonly string[] => [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((match) => match[1] as string);

  test('pages are never kept, what they load is kept for ever, and nothing inline or foreign may run', async () => {
    const page = await fetchRaw('/');
    expect([page.status, page.headers['content-type'], page.headers['cache-control']]).toEqual([200, 'text/html; charset=utf-8', 'no-cache']);
    const policy = String(page.headers['content-security-policy']);
    for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"]) expect(policy).toContain(part);
    expect(policy).not.toContain('unsafe');
    expect(page.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'x-frame-options': 'DENY' });
    expect(page.body.toString()).not.toMatch(/<script(?![^>]*\ssrc=)|<style|style=|https?:\/\//);
    const [asset = ''] = assetsOf(page.body.toString());
    const file = await fetchRaw(asset);
    expect([file.status, file.headers['cache-control']]).toEqual([200, 'public, max-age=31536000, immutable']);
    expect(await fetchRaw('/', { 'if-none-match': String(page.headers['etag']) })).toMatchObject({ status: 304 });
  });

  test('compressed as the browser takes it; the first load is small', async () => {
    const html = (await fetchRaw('/')).body.toString();
    let bytes = 0;
    for (const path of ['/', ...assetsOf(html)]) {
      const [plain, br, gzip] = [await fetchRaw(path), await fetchRaw(path, { 'accept-encoding': 'gzip, br' }), await fetchRaw(path, { 'accept-encoding': 'gzip, br;q=0' })];
      expect([path, br.headers['content-encoding'], gzip.headers['content-encoding'], plain.headers['content-encoding']]).toEqual([path, 'br', 'gzip', undefined]);
      expect(brotliDecompressSync(br.body).equals(plain.body) && gunzipSync(gzip.body).equals(plain.body)).toBe(true);
      bytes += gzip.body.length;
    }
    expect(bytes).toBeLessThan(FIRST_LOAD_BYTES);
  });

  test('a link to any page opens the console; an address of the API that is none stays a problem', async () => {
    const index = (await fetchRaw('/')).body;
    for (const path of ['/requests/r-abcdefghij', '/devices?group=a', '/people/', '/apis']) expect([path, (await fetchRaw(path)).body.equals(index)]).toEqual([path, true]);
    for (const path of ['/api/v1/nothing-here', '/api', '/metrics/x']) expect([path, (await fetchRaw(path)).status]).toEqual([path, 401]);
    for (const path of ['/assets/nothing.js', '/assets/../index.html']) expect([path, (await fetchRaw(path)).status]).toEqual([path, 401]);
    expect((await fetchRaw('/', {}, 'POST')).status).toBe(401);
  });

  test('no path leads out of it', async () => {
    const index = (await fetchRaw('/')).body;
    for (const path of ['/../../package.json', '/..%2f..%2fpackage.json', '/%2e%2e/%2e%2e/etc/passwd', '//etc/passwd', '/assets/..%2f..%2f..%2fpackage.json', '/index.html.br']) {
      const { status, body } = await fetchRaw(path);
      expect([path, status === 401 || status === 400 || body.equals(index)]).toEqual([path, true]);
    }
  });
});
