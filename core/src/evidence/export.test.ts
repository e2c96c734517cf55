import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ed25519Verify, generateEd25519, randomBytes, sha256, spkiOf } from '@belay/core/node-crypto';
import { appendEvent, type ChainState, newChain } from './chain.ts';
import { sealEnvelope } from './envelope.ts';
import { decodeEvent, encodeEvent, redactEvent } from './event.ts';
import type { EventDraft } from './event-types.ts';
import { createExportVerifier, type ExportFault, type ExportReport, verifyExport } from './export.ts';
import { chainLine, endLine, eventLine, headerLine, receiptLine } from './export-format.ts';
import { chainIdOf, deviceIdOf, SERVER_DEVICE, serverIdOf } from './identity.ts';
import { KEY_ROLES, type RoleKey } from './payloads.ts';

/** At full length in `npm run soak`. */
const SOAK = process.env['BELAY_SOAK'] === '1' ? 50 : 1;
const NOW = 1_800_000_000_000;
const deps = { sha256, random: randomBytes };

type World = ReturnType<typeof worldOf>;
function worldOf() {
  const root = generateEd25519();
  const serverId = serverIdOf(spkiOf(root.publicKey), sha256);
  const keys = Object.fromEntries(KEY_ROLES.map((role) => [role, generateEd25519()])) as Record<RoleKey['role'], ReturnType<typeof generateEd25519>>;
  const list = KEY_ROLES.map((role) => ({ id: role, role, public: keys[role].publicKey, notBefore: 0, notAfter: NOW * 2, revoked: false }));
  const roleKeys = sealEnvelope('role-keys', { server: serverId, device: '', version: 1, epoch: 1, keys: list }, { keyId: 'root', sign: root.sign });
  const header = headerLine({ serverId, rootKeySpki: spkiOf(root.publicKey), roleKeys, nowMs: NOW });
  return { serverId, keys, header };
}

type Chain = { readonly device: string; readonly chain: Uint8Array; readonly head: string; readonly events: readonly string[]; readonly records: readonly Uint8Array[]; readonly states: readonly ChainState[]; readonly receiptAt: (seq: number, head?: Uint8Array) => string };
const CHECKPOINTS = [4, 8];

/** Twelve events; the fourth and eighth are checkpoints. */
function chainOf({ serverId, keys }: World, writer: 'device' | 'server' = 'device'): Chain {
  let key = generateEd25519();
  const device = writer === 'server' ? SERVER_DEVICE : deviceIdOf(key.publicKey, sha256);
  const chain = chainIdOf(serverId, device, key.publicKey, sha256);
  const admission = sealEnvelope('admission', { server: serverId, device, evidenceKey: key.publicKey, name: 'laptop', time: NOW }, { keyId: 'policy', sign: keys.policy.sign });
  const head = chainLine({ chain, device, genesisKey: key.publicKey, writer, admission });
  const states = [newChain(chain, key.publicKey)];
  const records: Uint8Array[] = [];
  for (let seq = 1; seq <= 12; seq++) {
    const next = generateEd25519();
    const plain: EventDraft = writer === 'server' ? { type: 'admin.login-failed', fields: { name: `n${seq}` } } : { type: 'policy.refused', fields: { code: 'x', what: `w${seq}` } };
    const draft: EventDraft = CHECKPOINTS.includes(seq) ? { type: 'evidence.checkpoint', fields: { nextKey: next.publicKey } } : plain;
    const written = appendEvent(states.at(-1) as ChainState, draft, { timeMs: NOW + seq, bootMs: seq, bootId: 'b' }, key.sign, deps);
    states.push(written.state);
    records.push(written.encoded);
    if (CHECKPOINTS.includes(seq)) key = next;
  }
  const receiptAt = (seq: number, forged?: Uint8Array) => receiptLine(sealEnvelope('receipt', { server: serverId, device, chain, seq, head: forged ?? (states[seq] as ChainState).head, time: NOW }, { keyId: 'receipt', sign: keys.receipt.sign }));
  return { device, chain, head, events: records.map(eventLine), records, states, receiptAt };
}

const world = worldOf();
const chain = chainOf(world);

/** One chain with these receipts and events. */
function exportOf(events: readonly string[], receipts: readonly number[] = [12], of = chain): string[] {
  return [world.header, of.head, ...receipts.map((seq) => of.receiptAt(seq)), ...events, endLine({ chains: 1, events: events.length, receipts: receipts.length })];
}

function check(lines: readonly string[], options: { serverId?: Uint8Array; receipts?: Uint8Array[] } = { serverId: world.serverId }): ExportReport {
  const verifier = createExportVerifier({ sha256, verify: ed25519Verify, ...options });
  for (const line of lines) verifier.line(line);
  return verifier.end();
}

const places = (report: ExportReport) => report.faults.map(({ seq, code }: ExportFault) => [seq, code]);
const without = (...seqs: number[]) => chain.events.filter((_event, index) => !seqs.includes(index + 1));

test('of true data it says nothing, whichever receipts there are, redacted or not', async () => {
  for (const receipts of [[], [12], [3, 8, 11]]) expect(check(exportOf(chain.events, receipts)).faults).toEqual([]);
  const redacted = chain.records.map((bytes) => {
    const record = decodeEvent(bytes, sha256);
    return eventLine(record.ok ? encodeEvent(redactEvent(record.value)) : bytes);
  });
  expect(check(exportOf(redacted)).faults).toEqual([]);
  const own = chainOf(world, 'server');
  const both = [...exportOf(chain.events).slice(0, -1), own.head, ...own.events, endLine({ chains: 2, events: 24, receipts: 1 })];
  const report = await verifyExport(both, { sha256, verify: ed25519Verify, serverId: world.serverId });
  expect(report).toMatchObject({
    faults: [], events: 24, receipts: 1,
    chains: [{ device: chain.device, events: 12, last: 12, receipted: 12 }, { device: 'server', events: 12, last: 12, receipted: 0 }],
  });
});

test('any changed byte in any event is named at that event, and nothing else is', () => {
  fc.assert(fc.property(fc.nat(11), fc.nat(), fc.integer({ min: 1, max: 255 }), (at, offset, mask) => {
    const changed = Uint8Array.from(chain.records[at] as Uint8Array);
    const place = offset % changed.length;
    changed[place] = (changed[place] as number) ^ mask;
    const report = check(exportOf(chain.events.with(at, eventLine(changed))));
    expect(report.faults.map(({ seq, line }) => [seq, line])).toEqual([[at + 1, at + 4]]);
  }), { numRuns: 200 * SOAK });
});

test('any changed character in the file is found, on its line', () => {
  const lines = exportOf(chain.events.slice(0, 5), [5]);
  for (const [index, line] of lines.entries()) {
    for (let at = 0; at < line.length; at += index === 0 || index > 3 ? 7 : 1) {
      const wrong = line.charAt(at) === 'A' ? 'B' : 'A';
      const report = check(lines.with(index, line.slice(0, at) + wrong + line.slice(at + 1)));
      expect(report.faults.length).toBeGreaterThan(0);
      if (index < lines.length - 1) expect(report.faults[0]?.line).toBe(index + 1);
    }
  }
});

test.each([1, 2, 3, 4, 5, 7, 8, 9, 11])('a deleted event is named: number %i', (seq) => {
  expect(places(check([...exportOf(without(seq)).slice(0, -1), endLine({ chains: 1, events: 11, receipts: 1 })]))).toEqual([[seq, 'BELAY_E_CHAIN_GAP']]);
});

test('several deletions are each named, and what stands between two lost keys is not called good', () => {
  const details = (...seqs: number[]) => check(exportOf(without(...seqs)), { serverId: world.serverId }).faults.filter(({ seq }) => seq > 0).map(({ detail }) => detail);
  expect(details(2, 5, 6, 10)).toEqual(['Event 2 is missing.', 'Events 5 to 6 are missing.', 'Event 10 is missing.']);
  expect(details(2, 4, 5, 8)).toEqual([
    'Event 2 is missing.', 'Events 4 to 5 are missing.', 'Events 6 to 7 cannot be judged: the checkpoint that named the evidence key is missing or was changed.', 'Event 8 is missing.',
  ]);
});

test('what only a missing checkpoint could prove is said to be unproven, unless a receipt proves it', () => {
  expect(places(check(exportOf(without(8), [])))).toEqual([[8, 'BELAY_E_CHAIN_GAP'], [9, 'BELAY_E_SIGNATURE']]);
  expect(check(exportOf(without(8), [])).faults[1]?.detail).toContain('Events 9 to 12 cannot be judged');
  expect(places(check(exportOf(without(8), [10])))).toEqual([[8, 'BELAY_E_CHAIN_GAP'], [11, 'BELAY_E_SIGNATURE']]);
  expect(places(check(exportOf(without(4), [9])))).toEqual([[4, 'BELAY_E_CHAIN_GAP']]);
});

test.each([1, 2, 3, 4, 5, 7, 8, 11])('two events in the wrong order are named as that: number %i and the next', (seq) => {
  const swapped = [...chain.events];
  [swapped[seq - 1], swapped[seq]] = [swapped[seq] as string, swapped[seq - 1] as string];
  for (const receipts of [[12], []]) {
    const report = check(exportOf(swapped, receipts));
    expect(report.faults.map(({ detail }) => detail)).toEqual([`Event ${seq} stands out of order, after event ${seq + 1}.`]);
  }
});

test.each([1, 4, 9, 12])('an event that stands there twice is named: number %i', (seq) => {
  const twice = chain.events.toSpliced(seq, 0, chain.events[seq - 1] as string);
  expect(check(exportOf(twice)).faults.map(({ detail, line }) => [detail, line])).toEqual([[`Event ${seq} stands here twice.`, seq + 4]]);
});

test.each([[11, 12], [8, 12], [3, 4], [0, 12]])('a chain cut after event %i is named, as the server gave a receipt up to %i', (kept, receipted) => {
  const report = check(exportOf(chain.events.slice(0, kept), [receipted]));
  expect(places(report)).toEqual([[kept + 1, 'BELAY_E_CHAIN_GAP']]);
  expect(report.faults[0]?.detail).toContain(`receipt up to event ${receipted}`);
});

test('a tail that was cut with its receipts out is found by a receipt kept elsewhere, and so is a whole chain', () => {
  const envelope = Buffer.from((JSON.parse(chain.receiptAt(12)) as { receipt: string }).receipt, 'base64');
  const options = { serverId: world.serverId, receipts: [envelope] };
  expect(check(exportOf(chain.events.slice(0, 9), []), options).faults).toMatchObject([{ seq: 10, device: chain.device, code: 'BELAY_E_CHAIN_GAP' }]);
  expect(check([world.header, endLine({ chains: 0, events: 0, receipts: 0 })], options).faults).toMatchObject([{ seq: 0, device: chain.device, code: 'BELAY_E_CHAIN_GAP' }]);
  expect(check(exportOf(chain.events, []), options).faults).toEqual([]);
});

test('a file cut anywhere is found', () => {
  const lines = exportOf(chain.events);
  for (let kept = 0; kept < lines.length; kept++) expect(check(lines.slice(0, kept)).faults.length).toBeGreaterThan(0);
});

test('forged receipts and receipts of another chain are named on their line', () => {
  const stranger = worldOf();
  const forged = chainOf(stranger).receiptAt(5);
  const other = chainOf(world).receiptAt(5);
  const lines = exportOf(chain.events);
  expect(check(lines.toSpliced(2, 0, forged)).faults[0]).toMatchObject({ line: 3, code: 'BELAY_E_WRONG_SERVER' });
  expect(check(lines.toSpliced(2, 0, other)).faults[0]).toMatchObject({ line: 3, code: 'BELAY_E_WRONG_DEVICE' });
  const made = receiptLine(sealEnvelope('receipt', { server: world.serverId, device: chain.device, chain: chain.chain, seq: 5, head: new Uint8Array(32), time: NOW }, { keyId: 'receipt', sign: generateEd25519().sign }));
  expect(check(lines.toSpliced(2, 0, made)).faults[0]).toMatchObject({ line: 3, code: 'BELAY_E_SIGNATURE' });
});

test('a device that signs another history than the one receipted is named where it parts', () => {
  const report = check([world.header, chain.head, chain.receiptAt(6, new Uint8Array(32).fill(1)), ...chain.events, endLine({ chains: 1, events: 12, receipts: 1 })]);
  expect(places(report)).toEqual([[6, 'BELAY_E_CHAIN_FORK']]);
});

test('whoever puts another key into a checkpoint and signs all that follows is not believed', () => {
  const thief = generateEd25519();
  let state = chain.states[7] as ChainState;
  const forged: string[] = [];
  for (let seq = 8; seq <= 12; seq++) {
    const draft: EventDraft = seq === 8 ? { type: 'evidence.checkpoint', fields: { nextKey: thief.publicKey } } : { type: 'agent.stopped', fields: {} };
    const written = appendEvent(state, draft, { timeMs: NOW, bootMs: 1, bootId: 'b' }, thief.sign, deps);
    state = written.state;
    forged.push(eventLine(written.encoded));
  }
  const lines = [...chain.events.slice(0, 7), ...forged];
  expect(places(check(exportOf(lines, [])))).toEqual([[8, 'BELAY_E_SIGNATURE'], [9, 'BELAY_E_SIGNATURE']]);
  expect(places(check(exportOf(lines, [12])))).toEqual([[8, 'BELAY_E_SIGNATURE'], [9, 'BELAY_E_SIGNATURE'], [12, 'BELAY_E_CHAIN_FORK']]);
});

test('another server\'s export agrees with itself, and is refused by the pin', () => {
  const stranger = worldOf();
  const of = chainOf(stranger);
  const lines = [stranger.header, of.head, of.receiptAt(12), ...of.events, endLine({ chains: 1, events: 12, receipts: 1 })];
  expect(check(lines, {}).faults).toEqual([]);
  expect(places(check(lines))).toEqual([[0, 'BELAY_E_WRONG_SERVER']]);
  expect(check([world.header, ...lines.slice(1)]).faults[0]).toMatchObject({ line: 2, code: 'BELAY_E_WRONG_SERVER' });
});

test('lines that are out of place are named; nothing makes it throw', () => {
  const lines = exportOf(chain.events);
  expect(check([]).faults.length).toBe(1);
  expect(check(['{}', ...lines]).faults).toMatchObject([{ line: 1, code: 'BELAY_E_MALFORMED' }]);
  expect(check([...lines, chain.events[0] as string]).faults).toMatchObject([{ line: lines.length + 1, code: 'BELAY_E_MALFORMED' }]);
  expect(check(lines.toSpliced(3, 0, world.header)).faults[0]).toMatchObject({ line: 4 });
  expect(check([world.header, ...chain.events, endLine({ chains: 0, events: 12, receipts: 0 })]).faults.length).toBe(12);
  fc.assert(fc.property(fc.array(fc.oneof(fc.constantFrom(...lines), fc.string()), { maxLength: 25 }), (mixed) => {
    const report = check([world.header, ...mixed]);
    expect(report.faults.every(({ line }) => line >= 1 && line <= mixed.length + 2)).toBe(true);
  }), { numRuns: 100 * SOAK });
});

test('the faults listed are bounded, and the rest are counted', () => {
  const report = check([world.header, chain.head, ...Array.from({ length: 1500 }, () => eventLine(new Uint8Array(3))), endLine({ chains: 1, events: 1500, receipts: 0 })]);
  expect([report.faults.length, report.faultsOmitted]).toEqual([1000, 500]);
});
