import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { appendEvent, chainIdOf, chainLine, deviceIdOf, endLine, eventLine, headerLine, newChain, receiptLine, sealEnvelope, serverIdOf } from '@belay/core/evidence';
import { generateEd25519, randomBytes, sha256, spkiOf } from '@belay/core/node-crypto';
import { toHex } from '@belay/core/bytes';
import { nodeArguments } from '../../tests/support/programs.ts';

const folder = mkdtempSync(join(tmpdir(), 'belay-verify-'));
afterAll(() => rmSync(folder, { recursive: true }));

const root = generateEd25519();
const role = { policy: generateEd25519(), receipt: generateEd25519() };
const server = serverIdOf(spkiOf(root.publicKey), sha256);

/** Three events, the second receipted. */
function goodExport(): string[] {
  const key = generateEd25519();
  const device = deviceIdOf(key.publicKey, sha256);
  const chain = chainIdOf(server, device, key.publicKey, sha256);
  const keys = (['policy', 'receipt'] as const).map((name) => ({ id: name, role: name, public: role[name].publicKey, notBefore: 0, notAfter: 1e15, revoked: false }));
  let state = newChain(chain, key.publicKey);
  let head = state.head;
  const events = [1, 2, 3].map((seq) => {
    const written = appendEvent(state, { type: 'agent.stopped', fields: {} }, { timeMs: seq, bootMs: seq, bootId: 'b' }, key.sign, { sha256, random: randomBytes });
    state = written.state;
    if (seq === 2) head = state.head;
    return eventLine(written.encoded);
  });
  return [
    headerLine({ serverId: server, rootKeySpki: spkiOf(root.publicKey), nowMs: 1, roleKeys: sealEnvelope('role-keys', { server, device: '', version: 1, epoch: 1, keys }, { keyId: 'root', sign: root.sign }) }),
    chainLine({ chain, device, genesisKey: key.publicKey, writer: 'device', admission: sealEnvelope('admission', { server, device, evidenceKey: key.publicKey, name: 'n', time: 1 }, { keyId: 'policy', sign: role.policy.sign }) }),
    receiptLine(sealEnvelope('receipt', { server, device, chain, seq: 2, head, time: 1 }, { keyId: 'receipt', sign: role.receipt.sign })),
    ...events,
    endLine({ chains: 1, events: 3, receipts: 1 }),
  ];
}

function verify(lines: readonly string[], ...options: string[]): { status: number | null; stdout: string; stderr: string } {
  const file = join(folder, 'export.ndjson');
  writeFileSync(file, lines.map((line) => `${line}\n`).join(''));
  const { status, stdout, stderr } = spawnSync(process.execPath, nodeArguments('belay-verify', [file, ...options]), { encoding: 'utf8' });
  return { status, stdout, stderr };
}

test('an export that holds ends with 0 and says what it covers', () => {
  const lines = goodExport();
  const pinned = verify(lines, '--server', toHex(server));
  expect(pinned).toMatchObject({ status: 0, stderr: '' });
  expect(pinned.stdout).toContain('The evidence holds.');
  expect(pinned.stdout).toMatch(/not receipted\s+1 /);
  expect(verify(lines).stdout).toContain('pass --server ID');
});

test('an edited export ends with 8 and names the line, the device and the event', () => {
  const lines = goodExport();
  const result = verify(lines.toSpliced(3, 1));
  expect(result.status).toBe(8);
  expect(result.stdout).toMatch(/^line 4, d-[a-z2-7]{26}, event 1: Event 1 is missing\. \(BELAY_E_CHAIN_GAP\)$/m);
  expect(JSON.parse(verify(lines.toSpliced(3, 1), '--json').stdout)).toMatchObject({ faults: [{ line: 4, seq: 1 }, { line: 6 }] });
});

test('receipts kept elsewhere, another server and wrong usage are told apart', () => {
  const lines = goodExport();
  const receipts = join(folder, 'receipts.ndjson');
  writeFileSync(receipts, `${lines[2] as string}\n`);
  const cut = [...lines.slice(0, 2), ...lines.slice(3, 4), endLine({ chains: 1, events: 1, receipts: 0 })];
  expect(verify(cut).status).toBe(0);
  expect(verify(cut, '--receipts', receipts)).toMatchObject({ status: 8, stdout: expect.stringContaining('event 2: The chain was cut short.') });
  expect(verify(lines, '--server', '00'.repeat(32))).toMatchObject({ status: 8, stdout: expect.stringContaining('BELAY_E_WRONG_SERVER') });
  expect(verify(lines, '--server', 'abc').status).toBe(2);
  expect(verify(lines, '--nonsense').status).toBe(2);
  expect(verify(lines, '--receipts', join(folder, 'absent')).status).toBe(1);
});
