import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { deviceIdOf, enrolmentStatement, parseToken } from '@belay/core/evidence';
import { type Ed25519Key, generateEd25519, sha256 } from '@belay/core/node-crypto';
import type { EnrollTask } from '@belay/proto/local';
import { startTestServer, type TestServer } from '../../../tests/support/fleet.ts';
import type { Daemon } from './daemon.ts';
import { enrol } from './enrol.ts';
import { createIdentityStore } from './identity.ts';

const folder = mkdtempSync(join(tmpdir(), 'belay-enrol-'));
let server: TestServer;
let line: Line;
beforeAll(async () => {
  server = await startTestServer({ config: 'limits: { enrollmentsPerMinute: 1000 }' });
  line = await openLine(server.fleet.enrollmentAddress);
});
afterAll(async () => {
  await line.close();
  await server.close();
  rmSync(folder, { recursive: true });
});

/** A line to the server that breaks when it is told to: before `lost` holds the server's words come through, and none after. */
type Line = { readonly address: string; /** Answers whether it has. */ breaksOnce(lost: () => Promise<boolean>): () => boolean; close(): Promise<void> };

async function openLine(to: string): Promise<Line> {
  const [host, port] = [to.slice(0, to.lastIndexOf(':')), Number(to.slice(to.lastIndexOf(':') + 1))];
  const sockets = new Set<Socket>();
  let lost: (() => Promise<boolean>) | undefined;
  const relay: Server = createServer((near) => {
    const far = connect(port, host);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => [near, far].forEach((each) => each.destroy()));
    }
    near.pipe(far);
    far.on('data', (chunk: Buffer) => {
      const isLost = lost;
      if (isLost === undefined) return void near.write(chunk);
      far.pause();
      void isLost().then((cut) => {
        if (cut) {
          lost = undefined;
          near.destroy();
        } else near.write(chunk);
        far.resume();
      });
    });
  });
  await new Promise<void>((resolve) => void relay.listen(0, '127.0.0.1', resolve));
  return {
    address: `localhost:${(relay.address() as AddressInfo).port}`,
    breaksOnce(condition) {
      lost = condition;
      return () => lost === undefined;
    },
    close: () => new Promise((resolve) => {
      relay.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    }),
  };
}

/** belayd as the uplink sees it: it signs what it is asked to, and hears how it ended. */
function createBelayd(token: string, key: Ed25519Key) {
  const parsed = parseToken(token, sha256);
  if (!parsed.ok) throw new Error(parsed.error.message);
  const device = deviceIdOf(key.publicKey, sha256);
  const results: { readonly ok?: boolean; readonly code?: string; readonly error?: string }[] = [];
  const ask = async (question: Parameters<Daemon['ask']>[0]): Promise<unknown> => {
    if (question.case === 'signEnrollment') return { signature: key.sign(enrolmentStatement(parsed.value.serverId, device, question.value.csrDigest as Uint8Array)) };
    if (question.case === 'enrollmentResult') results.push(question.value);
    return {};
  };
  const task = { enrollmentAddress: line.address, secret: parsed.value.secret, serverId: parsed.value.serverId, evidenceKey: key.publicKey, device } as EnrollTask;
  return { task, device, results, daemon: { ask } as unknown as Daemon };
}

const deps = (daemon: Daemon) => ({ daemon, identities: createIdentityStore(folder), inventory: { read: async () => ({}), changed: async () => undefined } });
const isKnown = async (device: string): Promise<boolean> => (await server.context.store.db.selectFrom('devices').select('id').where('id', '=', device).execute()).length > 0;

test('when the line breaks after the server has enrolled the device, it asks again and gets the answer, for the one use of the token', async () => {
  const { task, device, results, daemon } = createBelayd(await server.token(), generateEd25519());
  const hasBroken = line.breaksOnce(() => isKnown(device));
  const enrolled = await enrol(task, deps(daemon));
  expect(enrolled).toMatchObject({ ok: true, value: { device } });
  expect(results).toEqual([expect.objectContaining({ ok: true })]);
  expect(hasBroken()).toBe(true);
});

test('belayd hears why in a word of the list: a token that was used by another, a line that stays broken', async () => {
  const token = await server.token();
  const first = createBelayd(token, generateEd25519());
  expect((await enrol(first.task, deps(first.daemon))).ok).toBe(true);
  const second = createBelayd(token, generateEd25519());
  expect((await enrol(second.task, deps(second.daemon))).ok).toBe(false);
  expect(second.results).toEqual([{ ok: false, code: 'BELAY_E_TOKEN', error: expect.stringContaining('used up') }]);
  const third = createBelayd(await server.token(), generateEd25519());
  const gone = { ...third.task, enrollmentAddress: 'localhost:1' };
  expect((await enrol(gone, deps(third.daemon))).ok).toBe(false);
  expect(third.results).toEqual([{ ok: false, code: 'BELAY_E_SERVER_UNREACHABLE', error: expect.stringContaining('cannot be reached') }]);
});
