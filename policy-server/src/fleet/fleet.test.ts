import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EventDraft, type Manifest, openEnvelope, verifyEvents } from '@belay/core/evidence';
import { ed25519Verify, sha256 } from '@belay/core/node-crypto';
import { decodeBundle } from '@belay/core/policy';
import { UploadEventsResponse_Status as Status } from '@belay/proto/fleet';
import { status } from '@grpc/grpc-js';
import {
  CHECKPOINT, createChain, elevation, enrol, type Enrolled, eventually, fleetClient, openSync, startTestServer, type TestChain, type TestServer, type TestStream,
  TESTER,
} from '../../../tests/support/fleet.ts';
import { postgresMissing, startPostgres, type TestPostgres } from '../../../tests/support/postgres.ts';
import { quickestMs } from '../../../tests/support/quickest.ts';
import { createPolicyService } from '../features/policies/service.ts';

const CALL = { timeoutMs: 20_000 };
const missing = postgresMissing();
let postgres: TestPostgres | undefined;
beforeAll(async () => {
  if (missing === undefined) postgres = await startPostgres();
});
afterAll(() => postgres?.close());

function policy(name: string, device: string): string {
  return `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: ${name} }\ntargets: { devices: ["${device}"] }\nrules:\n  - name: update\n    who: ["user:alice"]\n    run: [{ command: /usr/bin/true }]\n    then: allow\n`;
}
const recovery = 'apiVersion: belay/v1\nkind: Policy\nmetadata: { name: recovery }\nrules:\n  - name: recovery\n    recovery: true\n    who: ["group:belay-recovery"]\n    run: any\n    then: ask\n    require: { reauth: true }\n';

const databases = [
  { name: 'SQLite', skip: undefined, options: () => ({}) },
  { name: 'PostgreSQL', skip: missing, options: () => ({ databaseUrl: (postgres as TestPostgres).createDatabase() }) },
] as const;

describe.each(databases)('the fleet service on $name', ({ name, skip, options }) => {
  if (skip !== undefined) {
    test.skip(`skipped: ${skip}`, () => undefined);
    return;
  }
  let server: TestServer;
  let databaseUrl: string | undefined;
  beforeAll(async () => {
    const made: { databaseUrl?: string } = options();
    databaseUrl = made.databaseUrl;
    server = await startTestServer({ ...made, config: 'devices: { silentAfter: 2s }' });
    await apply({ 'recovery.yaml': recovery });
  });
  afterAll(() => server.close());

  async function apply(files: Readonly<Record<string, string>>): Promise<void> {
    const applied = await createPolicyService(server.context).apply({ files: Object.entries(files).map(([file, text]) => ({ name: file, text })), comment: 'test' }, 'tester');
    if (!applied.ok) throw new Error(JSON.stringify(applied.error));
  }

  function opened(message: Awaited<ReturnType<TestStream['next']>>): Manifest {
    if (message.case !== 'manifest') throw new Error(`a ${message.case}`);
    const manifest = openEnvelope(message.value, 'manifest', server.context.keys.trust, ed25519Verify, Date.now());
    if (!manifest.ok) throw new Error(manifest.error.message);
    return manifest.value;
  }

  async function connected(groups: readonly string[] = []): Promise<{ device: Enrolled; client: ReturnType<typeof fleetClient>; stream: TestStream; manifest: Manifest }> {
    const device = await enrol(server, await server.token({ groups }));
    const client = fleetClient(server, device);
    const stream = openSync(client);
    stream.report({ agentVersion: '1.2.3', problems: ['a \u001b[1mproblem'] });
    return { device, client, stream, manifest: opened(await stream.next((message) => message.case === 'manifest')) };
  }

  async function typesFor(device: string): Promise<string[]> {
    const rows = await server.context.store.db.selectFrom('events').select('type').where('device_id', '=', device).orderBy('id').execute();
    return rows.map((row) => row.type);
  }

  test('greets a device, then sends keys and manifest, the keys first', async () => {
    const { device, client, stream, manifest } = await connected();
    expect(stream.messages.slice(0, 3).map((message) => message.case)).toEqual(['keepAlive', 'roleKeys', 'manifest']);
    expect(manifest).toMatchObject({ device: device.id, epoch: 1, number: 1, name: 'laptop', groups: [], grants: [] });
    expect(manifest.bundles).toHaveLength(1);
    const row = await eventually(async () => {
      const shown = await server.devices.show(device.id, 'all');
      return shown.ok && shown.value.agentVersion !== '' ? shown.value : undefined;
    });
    expect(row).toMatchObject({ agentVersion: '1.2.3', problems: ['a \\x1b[1mproblem'] });
    client.close();
  });

  test('sends nothing that the device has already', async () => {
    const { client, stream, manifest } = await connected();
    stream.close();
    const again = openSync(client);
    again.report({ manifestEpoch: manifest.epoch, manifestNumber: BigInt(manifest.number), roleKeysVersion: 1n });
    const { id } = { id: manifest.device };
    await server.devices.label(id, { site: 'berlin' }, TESTER);
    const next = opened(await again.next((message) => message.case === 'manifest'));
    expect(again.messages.filter((message) => message.case !== 'keepAlive')).toHaveLength(1);
    expect(next).toMatchObject({ number: manifest.number + 1, labels: { site: 'berlin' } });
    client.close();
  });

  test('brings a new policy within a second, to those it targets', async () => {
    const [engineer, clerk] = [await connected(['engineering']), await connected(['office'])];
    let { manifest } = engineer;
    const took = await quickestMs(1000, async (attempt) => {
      await apply({ 'dev.yaml': policy(`dev-${name.toLowerCase()}-${attempt}`, 'group:engineering') });
      manifest = opened(await engineer.stream.next((message) => message.case === 'manifest' && opened(message).number === attempt + 2));
    });
    expect(took).toBeLessThan(1000);
    const added = manifest.bundles.find((digest) => !engineer.manifest.bundles.some((old) => Buffer.from(old).equals(digest))) as Uint8Array;
    const { content } = await engineer.client.getBundle({ digest: added }, CALL);
    expect(content.length).toBeGreaterThan(50);
    await expect(clerk.client.getBundle({ digest: added }, CALL)).rejects.toMatchObject({ code: status.NOT_FOUND });
    await expect(engineer.client.getBundle({ digest: new Uint8Array(32) }, CALL)).rejects.toMatchObject({ code: status.NOT_FOUND });
    expect(clerk.stream.messages.filter((message) => message.case === 'manifest')).toHaveLength(1);
    for (const each of [engineer, clerk]) each.client.close();
  });

  test('lets a device only watch: it gets its policies in monitor mode, but the way back in as it is; others keep theirs', async () => {
    const [pilot, other] = [await connected(['pilot']), await connected(['office'])];
    const modesOf = async ({ client, stream }: typeof pilot, since: number): Promise<readonly string[]> => {
      const manifest = opened(await stream.next((message) => message.case === 'manifest' && opened(message).number > since));
      const bundles = await Promise.all(manifest.bundles.map(async (digest) => decodeBundle((await client.getBundle({ digest }, CALL)).content)));
      return bundles.flatMap((bundle) => (bundle.ok && ['recovery', `tools-${name.toLowerCase()}`].includes(bundle.value.name) ? [`${bundle.value.name} ${bundle.value.mode}`] : [])).toSorted();
    };
    const set = 'apiVersion: belay/v1\nkind: DeviceSet\nmetadata: { name: first }\ndevices: ["group:pilot"]\n';
    const monitor = 'apiVersion: belay/v1\nkind: Monitor\nmetadata: { name: trial }\ndevices: ["set:first"]\n';
    await apply({ 'tools.yaml': policy(`tools-${name.toLowerCase()}`, 'all'), 'set.yaml': set, 'monitor.yaml': monitor });
    expect(await modesOf(pilot, pilot.manifest.number)).toEqual(['recovery enforce', `tools-${name.toLowerCase()} monitor`]);
    expect(await modesOf(other, other.manifest.number)).toEqual(['recovery enforce', `tools-${name.toLowerCase()} enforce`]);
    for (const each of [pilot, other]) each.client.close();
  });

  test('gives an order to a connected device and to one that connects later, once each', async () => {
    const { device, client, stream } = await connected();
    const first = await server.fleet.orders.give(device.id, { type: 'report' }, 60_000);
    const message = await stream.next((each) => each.case === 'order');
    const order = openEnvelope(message.value as Uint8Array, 'order', server.context.keys.trust, ed25519Verify, Date.now());
    expect(order).toMatchObject({ ok: true, value: { id: first, device: device.id, action: { type: 'report' } } });
    await server.fleet.orders.give(device.id, { type: 'report' }, 60_000);
    await eventually(async () => Promise.resolve(stream.messages.filter((each) => each.case === 'order').length === 2));
    client.close();
  });

  test('lets the newest connection of a device win', async () => {
    const { client, stream } = await connected();
    const second = openSync(client);
    expect(await stream.ended).toMatchObject({ code: status.ABORTED });
    second.report({});
    await second.next((message) => message.case === 'manifest');
    client.close();
  });

  test('says when a device falls silent and when it returns', async () => {
    const { device, client, stream } = await connected();
    stream.close();
    client.close();
    await eventually(async () => (await typesFor(device.id)).includes('device.silent'));
    const back = fleetClient(server, device);
    openSync(back).report({});
    await eventually(async () => (await typesFor(device.id)).includes('device.returned'));
    back.close();
    const told = (await typesFor(device.id)).filter((type) => ['device.silent', 'device.returned'].includes(type));
    // Once each time: on a slow machine it may have been silent again since.
    expect(told).toEqual(told.map((_, at) => (at % 2 === 0 ? 'device.silent' : 'device.returned')));
  });

  describe('evidence', () => {
    let device: Enrolled;
    let client: ReturnType<typeof fleetClient>;
    let chain: TestChain;
    async function begin(): Promise<void> {
      ({ device, client } = await connected());
      chain = createChain(device);
    }
    const upload = (first: number, events: Uint8Array[], earliest = 1, of: TestChain = chain) => client.uploadEvents({ chain: of.chain, first: BigInt(first), events, earliest: BigInt(earliest) }, CALL);
    const started: EventDraft = { type: 'agent.started', fields: { version: '1', lost: 0 } };
    const receiptOf = (answer: Awaited<ReturnType<typeof upload>>) => {
      const receipt = openEnvelope(answer.receipt, 'receipt', server.context.keys.trust, ed25519Verify, Date.now());
      if (!receipt.ok) throw new Error(receipt.error.message);
      return receipt.value;
    };

    test('is stored once, receipted, and searchable with hostile text made inert', async () => {
      await begin();
      const events = chain.write(started, elevation(1, '/usr/bin/a\u001b[2Jb'), CHECKPOINT, elevation(2));
      const answer = await upload(1, events);
      expect(answer).toMatchObject({ status: Status.ACCEPTED, next: 5n });
      expect(receiptOf(answer)).toMatchObject({ device: device.id, seq: 4, head: Buffer.from(chain.state().head) });
      const again = await upload(1, events);
      expect(receiptOf(again).seq).toBe(4);
      const overlapping = await upload(3, [...events.slice(2), ...chain.write(elevation(3))]);
      expect(receiptOf(overlapping).seq).toBe(5);
      const rows = await server.context.store.db.selectFrom('events').selectAll().where('chain', '=', chain.chain).orderBy('seq').execute();
      expect(rows.map(({ seq, type, user_name, uid, request, rule, summary }) => ({ seq, type, user_name, uid, request, rule, summary }))).toMatchObject([
        { seq: 1, type: 'agent.started', summary: 'lost=0 version=1' },
        { seq: 2, type: 'elevation.denied', user_name: 'alice', uid: 2001, request: 1, rule: 'p/r', summary: '/usr/bin/a\\x1b[2Jb --flag a b · denied-by-rule · p/r' },
        { seq: 3, type: 'evidence.checkpoint' },
        { seq: 4, request: 2 },
        { seq: 5, request: 3 },
      ]);
      client.close();
    });

    test('is taken exactly once when the same events arrive many times at once', async () => {
      await begin();
      const events = chain.write(...Array.from({ length: 150 }, (_, index) => elevation(index)));
      const answers = await Promise.all(Array.from({ length: 6 }, () => upload(1, events)));
      expect(answers.map((answer) => receiptOf(answer).seq)).toEqual(Array.from({ length: 6 }, () => 150));
      const { count } = await server.context.store.db.selectFrom('events').select((eb) => eb.fn.countAll<number>().as('count')).where('chain', '=', chain.chain).executeTakeFirstOrThrow();
      expect(Number(count)).toBe(150);
      client.close();
    });

    test('is asked for again from where it is missing', async () => {
      await begin();
      const events = chain.write(started, elevation(1), elevation(2));
      expect(await upload(3, events.slice(2))).toMatchObject({ status: Status.NEED_EARLIER, next: 1n });
      expect(await upload(1, events)).toMatchObject({ status: Status.ACCEPTED });
      client.close();
    });

    test('with a gap that nobody can fill is refused, and an event says so once; the missing events still mend it', async () => {
      await begin();
      const events = chain.write(started, elevation(1), elevation(2), elevation(3));
      await upload(1, events.slice(0, 1));
      expect(await upload(4, events.slice(3), 4)).toMatchObject({ status: Status.REFUSED, next: 2n });
      expect(await upload(4, events.slice(3), 4)).toMatchObject({ status: Status.REFUSED });
      expect((await typesFor(device.id)).filter((type) => type === 'evidence.gap')).toHaveLength(1);
      expect(await server.devices.show(device.id, 'all')).toMatchObject({ ok: true, value: { evidence: { state: 'gap', seq: 1 } } });
      expect(await upload(2, events.slice(1))).toMatchObject({ status: Status.ACCEPTED, next: 5n });
      expect(await server.devices.show(device.id, 'all')).toMatchObject({ ok: true, value: { evidence: { state: 'good', seq: 4 } } });
      client.close();
    });

    test('that forks from what was receipted is refused, before and after a key change', async () => {
      await begin();
      await upload(1, chain.write(started));
      const copy = chain.fork();
      await upload(2, chain.write(elevation(1), CHECKPOINT, elevation(2)));
      const forged = await upload(2, copy.write(elevation(99)), 1, copy);
      expect(forged).toMatchObject({ status: Status.REFUSED });
      expect(await typesFor(device.id)).toEqual(expect.arrayContaining(['evidence.fork']));
      const kept = await server.context.store.db.selectFrom('events').select('request').where('chain', '=', chain.chain).where('seq', '=', 2).executeTakeFirst();
      expect(kept).toEqual({ request: 1 });
      client.close();
    });

    test('that was changed on the way is refused without closing the chain, as the uplink may have done it', async () => {
      await begin();
      const [first, second] = chain.write(started, elevation(1)) as [Uint8Array, Uint8Array];
      await upload(1, [first]);
      const changed = new Uint8Array(second);
      changed[changed.length - 1] = (changed[changed.length - 1] as number) ^ 1;
      expect(await upload(2, [changed])).toMatchObject({ status: Status.REFUSED });
      expect(await upload(2, [changed])).toMatchObject({ status: Status.REFUSED });
      expect((await typesFor(device.id)).filter((type) => type === 'evidence.refused')).toHaveLength(1);
      expect(await upload(2, [second])).toMatchObject({ status: Status.ACCEPTED, next: 3n });
      client.close();
    });

    test('of another device, or of a second chain, is refused', async () => {
      await begin();
      const other = await connected();
      const theirs = createChain(other.device);
      expect(await upload(1, theirs.write(started), 1, theirs)).toMatchObject({ status: Status.REFUSED });
      await upload(1, chain.write(started));
      const second = createChain({ ...device, serverId: new Uint8Array(32) });
      expect(await upload(1, second.write(started), 1, second)).toMatchObject({ status: Status.REFUSED });
      for (const each of [client, other.client]) each.close();
    });

    test('keeps the good events before a bad one', async () => {
      await begin();
      const events = chain.write(started, elevation(1), elevation(2));
      const bad = new Uint8Array(events[2] as Uint8Array);
      bad[bad.length - 1] = (bad[bad.length - 1] as number) ^ 1;
      expect(await upload(1, [events[0] as Uint8Array, events[1] as Uint8Array, bad])).toMatchObject({ status: Status.ACCEPTED, next: 3n });
      client.close();
    });

    test('is bounded', async () => {
      await begin();
      const events = Array.from({ length: 1001 }, () => new Uint8Array(1));
      await expect(upload(1, events)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
      await expect(upload(0, [new Uint8Array(1)])).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
      await expect(upload(1, [new Uint8Array(9 * 1024 * 1024)])).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
      client.close();
    });
  });

  test('the server\'s own chain of all this verifies', async () => {
    const { store } = server.context;
    const row = await store.db.selectFrom('chains').selectAll().where('device_id', '=', 'server').executeTakeFirstOrThrow();
    const events = await store.db.selectFrom('events').select('record').where('chain', '=', row.chain).orderBy('seq').execute();
    const from = { chain: row.chain, seq: 0, head: row.chain, keyIndex: 0, publicKey: row.genesis_key };
    const checked = verifyEvents(from, events.map((event) => event.record), { writer: 'server', sha256, verify: ed25519Verify });
    expect(checked.fault).toBeUndefined();
    expect(checked.state.seq).toBeGreaterThan(10);
  });

  if (name !== 'PostgreSQL') return;
  test('two servers share one database: a policy applied at one reaches a device connected to the other', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'belay-second-'));
    cpSync(server.folder, folder, { recursive: true, filter: (source) => !source.endsWith('/chain') });
    const second = await startTestServer({ folder, databaseUrl: databaseUrl as string });
    const device = await enrol(second, await server.token());
    const client = fleetClient(second, device);
    const stream = openSync(client);
    stream.report({});
    const before = opened(await stream.next((message) => message.case === 'manifest'));
    await apply({ 'more.yaml': policy('more', 'all') });
    const after = opened(await stream.next((message) => message.case === 'manifest' && opened(message).number > before.number));
    expect(after.bundles.length).toBe(before.bundles.length + 1);
    await server.devices.revoke(device.id, TESTER);
    expect(await stream.ended).toMatchObject({ code: status.PERMISSION_DENIED });
    client.close();
    await second.close();
    rmSync(folder, { recursive: true, force: true });
  });
});
