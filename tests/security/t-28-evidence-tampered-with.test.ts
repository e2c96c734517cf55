// T-28. Attacker: root on the device, or whoever holds an export or the server's database, who wants something not to have happened.
// Set-up: a server, an enrolled device, a few elevations, everything receipted, one export taken by the administrator.
// Procedure: edit, delete, exchange, repeat, cut off and replace lines of the export; each time the offline verifier, a process of its
// own, must name the place. Then root on the device rewrites the journal that is not uploaded yet: the server must raise the alarm.
import { decodeEvent, encodeEvent } from '@belay/core/evidence';
import { sha256 } from '@belay/core/node-crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createWorld, describeRoot, type World, worldNode, worldRepo } from '../support/world.ts';

type Fault = { readonly line: number; readonly device: string; readonly seq: number; readonly code: string };
type Report = { readonly faults: readonly Fault[]; readonly events: number; readonly server: string };
type Parsed = { readonly index: number; readonly seq: number; readonly bytes: Uint8Array };

describeRoot('T-28 evidence that is tampered with', () => {
  let world: World;
  let lines: readonly string[];
  let device: string;
  /** The device's events in the export: place in the file, sequence number. */
  let events: readonly Parsed[];

  beforeAll(async () => {
    world = await createWorld();
    for (const command of [['id'], ['true'], ['id', '-u'], ['whoami'], ['pwd'], ['true']]) await world.sudo('alice', ['-n', ...command]);
    await world.settled();
    device = (await world.status()).device;
    lines = (await exported()).trimEnd().split('\n');
    const start = lines.findIndex((line) => line.startsWith('{"chain"') && line.includes(device));
    const length = lines.slice(start + 1).findIndex((line) => !/^\{"(event|receipt)"/.test(line));
    events = lines.slice(start + 1, start + 1 + length).flatMap((line, at) => {
      const bytes = Buffer.from((JSON.parse(line) as { event?: string }).event ?? '', 'base64');
      const decoded = bytes.length === 0 ? undefined : decodeEvent(bytes, sha256);
      return decoded?.ok === true ? [{ index: start + 1 + at, seq: decoded.value.payload.seq, bytes }] : [];
    });
  });
  afterAll(async () => { await world?.close(); });

  async function exported(): Promise<string> {
    const ran = await world.belayctl(['event', 'export']);
    if (ran.code !== 0) throw new Error(ran.stderr);
    return ran.stdout;
  }

  async function verify(content: readonly string[], args: readonly string[] = []): Promise<{ readonly code: number | null; readonly report: Report }> {
    const ran = await world.program('belay-verify', ['-', '--json', ...args], { input: `${content.join('\n')}\n` });
    return { code: ran.code, report: JSON.parse(ran.stdout) as Report };
  }

  const without = (from: number, count = 1): readonly string[] => [...lines.slice(0, from), ...lines.slice(from + count)];
  const replaced = (at: number, line: string): readonly string[] => lines.map((old, index) => (index === at ? line : old));
  const eventLine = (bytes: Uint8Array): string => JSON.stringify({ event: Buffer.from(bytes).toString('base64') });
  const at = (seq: number): Parsed => {
    const found = events.find((event) => event.seq === seq);
    if (found === undefined) throw new Error(`the export has no event ${seq}`);
    return found;
  };

  test('true evidence raises nothing, and says which server it is of', async () => {
    const { code, report } = await verify(lines);
    expect({ code, faults: report.faults }).toEqual({ code: 0, faults: [] });
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index + 1));
    expect(events.length).toBeGreaterThan(8);
    expect((await verify(lines, ['--server', report.server])).code).toBe(0);
    expect((await verify(lines, ['--server', 'ab'.repeat(32)])).code).not.toBe(0);
  });

  async function named(content: readonly string[], seq: number): Promise<void> {
    const { code, report } = await verify(content);
    expect(code).not.toBe(0);
    expect(report.faults.filter((fault) => fault.device === device).map((fault) => fault.seq)).toContain(seq);
  }

  test('an edit is named: of the payload, of a signature, of a disclosed field', async () => {
    const { index, bytes, seq } = at(5);
    for (const offset of [20, bytes.length >> 1, bytes.length - 3]) {
      await named(replaced(index, eventLine(bytes.map((byte, place) => (place === offset ? byte ^ 1 : byte)))), seq);
    }
    const intent = events.find((event) => {
      const decoded = decodeEvent(event.bytes, sha256);
      return decoded.ok && decoded.value.disclosures.length > 0;
    });
    const decoded = intent === undefined ? undefined : decodeEvent(intent.bytes, sha256);
    if (intent === undefined || decoded?.ok !== true) throw new Error('no event with disclosed fields');
    const changed = { ...decoded.value, disclosures: decoded.value.disclosures.map(([name, salt, value]) => (name === 'cwd' ? [name, salt, Buffer.from('/elsewhere')] as const : [name, salt, value] as const)) };
    await named(replaced(intent.index, eventLine(encodeEvent(changed as typeof decoded.value))), intent.seq);
  });

  test('a redaction is no edit', async () => {
    const content = lines.map((line, index) => {
      const event = events.find((each) => each.index === index);
      const decoded = event === undefined ? undefined : decodeEvent(event.bytes, sha256);
      return decoded?.ok === true ? eventLine(encodeEvent({ ...decoded.value, disclosures: [] })) : line;
    });
    expect((await verify(content)).report.faults).toEqual([]);
  });

  test('a deletion is named: in the middle, at the beginning, of several', async () => {
    await named(without(at(4).index), 4);
    await named(without(at(1).index), 1);
    await named(without(at(6).index, 2), 6);
  });

  test('an exchange, a repetition and a foreign event are named', async () => {
    const [a, b] = [at(5), at(6)];
    await named(lines.map((line, index) => (index === a.index ? (lines[b.index] as string) : index === b.index ? (lines[a.index] as string) : line)), 5);
    await named([...lines.slice(0, a.index), lines[a.index] as string, ...lines.slice(a.index)], 5);
  });

  test('a cut after the last kept event is named by the receipt for what is gone, even where the counts are made to agree', async () => {
    const last = events.at(-1) as Parsed;
    const content = without(last.index - 1, 2).map((line) => {
      const end = (JSON.parse(line) as { end?: { chains: number; events: number; receipts: number } }).end;
      return end === undefined ? line : JSON.stringify({ end: { ...end, events: end.events - 2 } });
    });
    const { code, report } = await verify(content);
    expect(code).not.toBe(0);
    expect(report.faults.some((fault) => fault.device === device)).toBe(true);
    expect((await verify(lines.slice(0, -1))).code).not.toBe(0);
    expect((await verify(lines.slice(0, last.index))).code).not.toBe(0);
  });

  test('an older export is no way to hide: its receipts hold the newer one to account', async () => {
    await world.writeFile('/root/older.ndjson', `${lines.join('\n')}\n`);
    const start = lines.findIndex((line) => line.startsWith('{"chain"') && line.includes(device));
    const end = events.at(-1)?.index ?? 0;
    const chainless = without(start, end - start + 1).map((line) => {
      const counts = (JSON.parse(line) as { end?: { chains: number; events: number; receipts: number } }).end;
      return counts === undefined ? line : JSON.stringify({ end: { chains: counts.chains - 1, events: counts.events - events.length, receipts: counts.receipts - (end - start - events.length) } });
    });
    expect((await verify(chainless)).code).toBe(0);
    const { code, report } = await verify(chainless, ['--receipts', '/root/older.ndjson']);
    expect(code).not.toBe(0);
    expect(report.faults.some((fault) => fault.device === device)).toBe(true);
  });

  test('root rewrites the journal before it is uploaded: the server says where it goes wrong', async () => {
    await world.uplink.stop();
    for (const command of [['id'], ['true']]) await world.sudo('alice', ['-n', ...command]);
    await world.belayd.stop();
    const script = `
      import Database from '${worldRepo}/node_modules/better-sqlite3/lib/index.js';
      const db = new Database('/var/lib/belay/journal.db');
      const { receipted } = db.prepare('select receipted from chain order by no desc limit 1').get();
      const rows = db.prepare('select id, bytes from event order by id').all().filter((row) => row.id % 2 ** 40 > receipted);
      const row = rows[1];
      row.bytes[40] ^= 1;
      db.prepare('update event set bytes = ? where id = ?').run(row.bytes, row.id);
      console.log(row.id % 2 ** 40);
      db.close();`;
    const seq = Number(await world.shell(`${worldNode} --input-type=module -e "$BELAY_SCRIPT"`, { env: { BELAY_SCRIPT: script } }));
    await world.belayd.start();
    await world.uplink.start();
    const alarm = await world.waitFor(async () => (await world.events(['--type', 'evidence'])).find(({ type }) => type !== 'evidence.checkpoint'), { what: 'an alarm of the server' });
    expect(alarm).toMatchObject({ type: 'evidence.refused', fields: { device, seq } });
  });
});
