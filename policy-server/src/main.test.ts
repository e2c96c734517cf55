import { afterAll, describe, expect, test } from '@jest/globals';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { freePort } from '../../tests/support/free-port.ts';
import { nodeArguments } from '../../tests/support/programs.ts';

const folder = mkdtempSync(join(tmpdir(), 'belay-main-'));
const secret = join(folder, 'secret');
writeFileSync(secret, 'a long enough secret\n');
const children: ChildProcess[] = [];
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function run(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, nodeArguments('belay-server', args), { encoding: 'utf8', timeout: 50_000 });
  return { status, stdout, stderr };
}

async function makeServer(name: string) {
  const data = join(folder, name);
  const [fleet, enrollment, api] = [await freePort(), await freePort(), await freePort()];
  const made = run('init', '--data', data, '--admin', 'alice', '--admin-password-file', secret, '--root-passphrase-file', secret, '--address', 'localhost',
    '--listen', '127.0.0.1', '--fleet-port', String(fleet), '--enrollment-port', String(enrollment), '--api-port', String(api));
  return { data, config: join(data, 'server.yaml'), enrollment, api, made };
}

async function serve(config: string): Promise<{ readonly child: ChildProcess; readonly log: () => string }> {
  const child = spawn(process.execPath, nodeArguments('belay-server', ['serve', '--config', config]), { stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(child);
  let log = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      if (log.includes('"ready"')) resolve();
    });
    child.once('exit', (code) => reject(new Error(`ended with ${code}: ${log}`)));
  });
  return { child, log: () => log };
}

async function stop(child: ChildProcess): Promise<number | null> {
  const gone = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  child.kill('SIGTERM');
  return gone;
}

function get(port: number, path: string, ca: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request({ host: 'localhost', port, path, ca, timeout: 10_000 }, (response) => {
      response.resume();
      resolve(response.statusCode);
    }).on('error', reject).end();
  });
}

function modesOf(data: string): Record<string, string> {
  const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(files.map((entry) => [entry.name.replace(/-[0-9a-f]{12}/, ''), (statSync(join(entry.parentPath, entry.name)).mode & 0o777).toString(8)]));
}

describe('belay-server', () => {
  test('init makes a server, whose secrets only its owner can read, and shows given secrets to nobody', async () => {
    const { data, made } = await makeServer('fresh');
    expect(made).toMatchObject({ status: 0, stderr: '' });
    expect(made.stdout).not.toContain('a long enough secret');
    expect(modesOf(data)).toMatchObject({
      'root.key': '600', 'policy.key': '600', 'grant.key': '600', 'order.key': '600', 'receipt.key': '600', 'ca.key': '600', 'server.db': '600', 'server.yaml': '600',
      'ca.pem': '644', 'root.pub.der': '644', 'role-keys.cbor': '644',
    });
    expect(readFileSync(join(data, 'root.key'), 'utf8')).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
    expect(run('init', '--data', data)).toMatchObject({ status: 1, stderr: expect.stringMatching(/already holds a server; nothing was changed/) });
  });

  test('init shows what it generated once, and leaves nothing behind when it fails', () => {
    const made = run('init', '--data', join(folder, 'generated'), '--address', 'localhost');
    expect(made.stdout).toMatch(/password +\S{20} /);
    expect(made.stdout).toMatch(/root key passphrase +([0-9a-f]{8}-){4}[0-9a-f]{8} /);
    const failed = run('init', '--data', join(folder, 'failed'), '--address', 'localhost', '--database', 'postgresql://nobody@127.0.0.1:1/none');
    expect(failed.status).toBe(1);
    expect(existsSync(join(folder, 'failed'))).toBe(false);
    mkdirSync(join(folder, 'full'));
    writeFileSync(join(folder, 'full', 'mine'), '');
    expect(run('init', '--data', join(folder, 'full'))).toMatchObject({ status: 1, stderr: expect.stringMatching(/is not empty/) });
    expect(readdirSync(join(folder, 'full'))).toEqual(['mine']);
  });

  test('serves on three ports with TLS 1.3 only, and stops cleanly when told to', async () => {
    const { data, config, enrollment, api } = await makeServer('serving');
    const ca = readFileSync(join(data, 'pki', 'ca.pem'), 'utf8');
    const { child, log } = await serve(config);
    expect(await get(api, '/healthz', ca)).toBe(200);
    expect(await get(api, '/readyz', ca)).toBe(200);
    const old = await new Promise<string>((resolve) => {
      const socket = connect({ host: 'localhost', port: enrollment, ca, maxVersion: 'TLSv1.2' }, () => resolve('connected'));
      socket.on('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? error.message));
    });
    expect(old).toMatch(/PROTOCOL_VERSION/);
    expect(await stop(child)).toBe(0);
    expect(log()).toContain('"stopped"');
  });

  test('survives being killed, and goes on with its own chain', async () => {
    const { config, data } = { config: join(folder, 'serving', 'server.yaml'), data: join(folder, 'serving') };
    const first = await serve(config);
    first.child.kill('SIGKILL');
    await new Promise((resolve) => first.child.once('exit', resolve));
    const second = await serve(config);
    expect(await stop(second.child)).toBe(0);
    expect(readdirSync(join(data, 'chain'))).toHaveLength(1);
  });

  test('rotates role keys and raises the epoch with the root key, and refuses a wrong passphrase', async () => {
    const { config, data } = { config: join(folder, 'fresh', 'server.yaml'), data: join(folder, 'fresh') };
    const wrong = join(folder, 'wrong');
    writeFileSync(wrong, 'another passphrase\n');
    expect(run('rotate-role-keys', '--data', data, '--root-passphrase-file', wrong)).toMatchObject({ status: 1, stderr: expect.stringMatching(/wrong passphrase/) });
    expect(run('rotate-role-keys', '--data', data, '--root-passphrase-file', secret, '--revoke-old')).toMatchObject({ status: 0, stdout: expect.stringMatching(/Version 2 .* every older key is revoked/) });
    expect(run('restore-epoch', '--data', data, '--root-passphrase-file', secret)).toMatchObject({ status: 0, stdout: expect.stringMatching(/epoch is now 2/) });
    expect(readdirSync(join(data, 'keys'))).toHaveLength(8);
    const { child } = await serve(config);
    expect(await stop(child)).toBe(0);
  });

  test('teaches by --help and tells wrong usage and configuration by exit code 2', async () => {
    expect(run('--help')).toMatchObject({ status: 0, stdout: expect.stringMatching(/belay-server init --data[^]*Exit codes: 0 done, 1 failed, 2 wrong usage/) });
    expect(run('init', '--help')).toMatchObject({ status: 0, stdout: expect.stringMatching(/--root-passphrase-file <FILE>/) });
    expect(run('serve').status).toBe(2);
    expect(run('nonsense').status).toBe(2);
    const bad = join(folder, 'bad.yaml');
    writeFileSync(bad, 'listen: { api: nowhere }\nspeed: 9\n');
    const refused = run('serve', '--config', bad);
    expect(refused.status).toBe(2);
    expect(refused.stderr).toMatch(/bad\.yaml:1:16: listen\.api: expected HOST:PORT/);
    expect(refused.stderr).toMatch(/addresses is missing/);
    expect(refused.stderr).toMatch(/bad\.yaml:2:8: unknown key speed/);
  });
});
