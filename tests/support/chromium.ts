/** A real Chromium, from Debian's packages unpacked beside the machine, and the console's pages in it. */
import { createHash, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { type Browser, chromium, type Page } from 'playwright-core';
import { ensureConsole } from '../../tools/console.mjs';
import { ensureDebian, wantedBrowser } from '../../tools/debian.mjs';

export const WIDE = { width: 1280, height: 800 };
export const NARROW = { width: 400, height: 800 };

/** Undefined when there is a browser to be had; else why not. */
export function browserMissing(): string | undefined {
  if (process.platform !== 'linux' || !existsSync('/var/lib/dpkg/status')) return 'no Debian packages here';
  try {
    ensureDebian([...wantedBrowser]);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

export type TestBrowser = { readonly browser: Browser; close(): Promise<void> };

/** Where a browser is whose server is in another network: the namespace, and the names that mean the loopback there. */
export type Elsewhere = { readonly networkNamespace: string; readonly hosts: readonly string[]; /** PEM of the server's own. */ readonly certificate: string };

/** `url`: the one server whose certificate is trusted, by its key; without, none is. */
export async function startBrowser(url?: string, elsewhere?: Elsewhere): Promise<TestBrowser> {
  ensureConsole();
  const root = ensureDebian([...wantedBrowser]);
  const folder = mkdtempSync(join(tmpdir(), 'belay-browser-'));
  const libraries = [join(root, 'usr/lib'), join(root, 'usr/lib', process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu')];
  const program = join(root, 'usr/lib/chromium/chromium');
  const trusted = elsewhere !== undefined ? new X509Certificate(elsewhere.certificate) : url === undefined ? undefined : await certificateOf(url);
  const browser = await chromium.launch({
    executablePath: elsewhere === undefined ? program : inNamespace(elsewhere.networkNamespace, program, folder),
    headless: true,
    args: [
      '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--font-render-hinting=none',
      ...(trusted === undefined ? [] : [`--ignore-certificate-errors-spki-list=${keyHash(trusted)}`]),
      ...(elsewhere === undefined ? [] : [`--host-resolver-rules=${elsewhere.hosts.map((host) => `MAP ${host} 127.0.0.1`).join(', ')}`]),
    ],
    env: {
      PATH: '/usr/bin:/bin', HOME: folder, XDG_CONFIG_HOME: folder, XDG_CACHE_HOME: folder, TZ: 'UTC', LANG: 'C.UTF-8',
      LD_LIBRARY_PATH: [...libraries, ...libraries.map((each) => join(each, 'pulseaudio'))].join(':'), FONTCONFIG_FILE: fontSettings(root, folder),
    },
  });
  return {
    browser,
    async close() {
      await browser.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Only these fonts, whatever the machine has: a page looks the same everywhere. */
function fontSettings(root: string, folder: string): string {
  const file = join(folder, 'fonts.conf');
  mkdirSync(join(folder, 'fonts'), { recursive: true });
  writeFileSync(file, `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${join(root, 'usr/share/fonts')}</dir><cachedir>${join(folder, 'fonts')}</cachedir>
<alias binding="same"><family>sans-serif</family><prefer><family>Inter</family></prefer></alias><alias binding="same"><family>monospace</family><prefer><family>JetBrains Mono</family></prefer></alias></fontconfig>`);
  return file;
}

/** A program that is the browser, in that network: it keeps the pipes by which it is driven. */
function inNamespace(namespace: string, program: string, folder: string): string {
  const file = join(folder, 'chromium');
  writeFileSync(file, `#!/bin/sh\nexec nsenter --net=${namespace} -- ${program} "$@"\n`, { mode: 0o755 });
  return file;
}

async function certificateOf(url: string): Promise<X509Certificate> {
  const { hostname, port } = new URL(url);
  const raw = await new Promise<Buffer>((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), servername: hostname, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().raw);
      socket.end();
    });
    socket.on('error', reject);
  });
  return new X509Certificate(raw);
}

function keyHash({ publicKey }: X509Certificate): string {
  return createHash('sha256').update(publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
}

export type PageOptions = { readonly size?: { readonly width: number; readonly height: number }; readonly scheme?: 'light' | 'dark' };

/** A page of a browser that nobody has used, and everything it complained of: a test looks at that in the end. */
export async function openPage({ browser }: TestBrowser, url: string | undefined, { size = WIDE, scheme = 'light' }: PageOptions = {}): Promise<{ readonly page: Page; readonly complaints: string[] }> {
  const context = await browser.newContext({ ...(url === undefined ? {} : { baseURL: url }), viewport: size, isMobile: size.width < 600, hasTouch: size.width < 600, colorScheme: scheme, locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const complaints: string[] = [];
  page.on('console', (message) => {
    // A refusal of the API is the page's to show.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return { page, complaints };
}

export async function signIn(page: Page, name: string, password: string, path = '/'): Promise<void> {
  await page.goto(path);
  await page.getByLabel('Account name').fill(name);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('navigation', { name: 'Rooms' }).waitFor();
}
