import { equalBytes, fromHex, toHex } from '../bytes.ts';
import type { ErrorCode } from '../codes.ts';
import type { Ed25519Verify, Sha256 } from '../crypto.ts';
import { bytesOfBase64 } from './base64.ts';
import { newChain } from './chain.ts';
import { ChainAudit } from './chain-audit.ts';
import { openEnvelope, type Trust } from './envelope.ts';
import { type ExportLine, parseExportLine } from './export-format.ts';
import { chainIdOf, deviceIdOf, NO_SERVER, SERVER_DEVICE, serverIdOf } from './identity.ts';
import type { Admission, Receipt } from './payloads.ts';

/** What is wrong, and exactly where. `seq` 0: the chain or the file as a whole; `line` is the file's, from 1. */
export type ExportFault = { readonly line: number; readonly device: string; readonly chain: string; readonly seq: number; readonly code: ErrorCode; readonly detail: string };

export type ChainSummary = { readonly device: string; readonly chain: string; readonly events: number; readonly last: number; readonly receipted: number };

export type ExportReport = {
  /** In the order of the lines. */
  readonly faults: readonly ExportFault[];
  /** Further faults, beyond the first thousand. */
  readonly faultsOmitted: number;
  /** Hexadecimal server id of the file's root key. */
  readonly server: string;
  readonly exportedAt: number;
  readonly events: number;
  readonly receipts: number;
  /** Those after `receipted` are true as far as they go, but their end is not proven. */
  readonly chains: readonly ChainSummary[];
};

export type ExportVerifier = { readonly line: (text: string) => void; readonly end: () => ExportReport };

export type ExportOptions = {
  readonly sha256: Sha256;
  readonly verify: Ed25519Verify;
  /**
   * Known from elsewhere (a device, an enrolment token, a note in the safe). Without it the report only says whether the
   * file agrees with the root key that it brings itself.
   */
  readonly serverId?: Uint8Array | undefined;
  /** Receipts kept elsewhere, as envelopes, for instance by a device: the export must hold what they are for. */
  readonly receipts?: readonly Uint8Array[];
};

const MAX_FAULTS = 1000;
type Place = { readonly device: string; readonly chain: string };
type Failed = { readonly seq?: number; readonly code: ErrorCode; readonly detail: string; readonly line?: number };
const NOWHERE: Place = { device: '', chain: '' };

/** Verifies an export line by line; memory grows with chains, receipts and checkpoints, not with events. */
export function createExportVerifier(options: ExportOptions): ExportVerifier {
  const verifier = new Verifier(options);
  return { line: (text) => verifier.line(text), end: () => verifier.end() };
}

/** The same over all lines at once. */
export async function verifyExport(lines: Iterable<string> | AsyncIterable<string>, options: ExportOptions): Promise<ExportReport> {
  const verifier = createExportVerifier(options);
  for await (const text of lines) verifier.line(text);
  return verifier.end();
}

class Verifier {
  readonly #options: ExportOptions;
  readonly #faults: ExportFault[] = [];
  readonly #chains: ChainSummary[] = [];
  readonly #seen = new Set<string>();
  readonly #outside = new Map<string, Receipt[]>();
  #omitted = 0;
  #line = 0;
  #counts = { chains: 0, events: 0, receipts: 0 };
  #server = '';
  #exportedAt = 0;
  #trust: Trust | undefined;
  #place = NOWHERE;
  #audit: ChainAudit | undefined;
  #state: 'header' | 'chains' | 'ended' | 'hopeless' = 'header';

  constructor(options: ExportOptions) {
    this.#options = options;
  }

  line(text: string): void {
    this.#line += 1;
    if (this.#state === 'hopeless') return;
    if (this.#state === 'ended') return text === '' ? undefined : this.#fault({ code: 'BELAY_E_MALFORMED', detail: 'Something stands after the end.' });
    const parsed = parseExportLine(text);
    if (this.#state === 'header') return this.#header(parsed);
    if (parsed === undefined || 'belay' in parsed) this.#unreadable();
    else if ('event' in parsed) this.#event(bytesOfBase64(parsed.event));
    else if ('receipt' in parsed) this.#receipt(bytesOfBase64(parsed.receipt));
    else if ('chain' in parsed) this.#chain(parsed);
    else this.#end(parsed.end);
  }

  end(): ExportReport {
    this.#line += 1;
    this.#closeChain();
    if (this.#state === 'header') this.#fault({ code: 'BELAY_E_MALFORMED', detail: 'This is not an export: it is empty.' });
    if (this.#state === 'chains') this.#fault({ code: 'BELAY_E_CHAIN_GAP', detail: 'The export was cut short: its last line is missing.' });
    if (this.#state !== 'hopeless') this.#findMissingChains();
    const { events, receipts } = this.#counts;
    const faults = this.#faults.toSorted((a, b) => a.line - b.line || a.seq - b.seq);
    return { faults, faultsOmitted: this.#omitted, server: this.#server, exportedAt: this.#exportedAt, events, receipts, chains: this.#chains };
  }

  #fault({ seq = 0, code, detail, line = this.#line }: Failed, { device, chain } = this.#place): void {
    if (this.#faults.length >= MAX_FAULTS) this.#omitted += 1;
    else this.#faults.push({ line, device, chain, seq, code, detail });
  }

  #header(parsed: ExportLine | undefined): void {
    this.#state = 'hopeless';
    const detail = 'This is not an export: its first line is not a header.';
    if (parsed === undefined || !('belay' in parsed)) return this.#fault({ code: 'BELAY_E_MALFORMED', detail });
    const [rootKey, roleKeys] = [bytesOfBase64(parsed.rootKey), bytesOfBase64(parsed.roleKeys)];
    if (rootKey?.length !== 44 || roleKeys === undefined) return this.#fault({ code: 'BELAY_E_MALFORMED', detail });
    const serverId = serverIdOf(rootKey, this.#options.sha256);
    this.#server = toHex(serverId);
    this.#exportedAt = parsed.exportedAt;
    const pinned = this.#options.serverId ?? serverId;
    // SECURITY(T-28): an export made up with another root key agrees with itself; only the pin tells.
    if (parsed.server !== this.#server || !equalBytes(pinned, serverId)) {
      return this.#fault({ code: 'BELAY_E_WRONG_SERVER', detail: `The root key is of server ${this.#server}, not of ${toHex(pinned)}.` });
    }
    const root: Trust = { serverId, rootKey: rootKey.subarray(-32), keys: [] };
    const keys = openEnvelope(roleKeys, 'role-keys', root, this.#options.verify, parsed.exportedAt);
    if (!keys.ok) return this.#fault({ code: keys.error.code, detail: 'The list of role keys is not signed by the root key.' });
    this.#trust = { ...root, keys: keys.value.keys };
    this.#state = 'chains';
    this.#openOutside();
  }

  /** Receipts from elsewhere are as good as the export's, once they hold. */
  #openOutside(): void {
    for (const envelope of this.#options.receipts ?? []) {
      const receipt = openEnvelope(envelope, 'receipt', this.#trust as Trust, this.#options.verify, 'when-signed');
      if (!receipt.ok) {
        this.#fault({ code: receipt.error.code, detail: 'A receipt that was given beside the export does not hold.', line: 0 });
        continue;
      }
      const chain = toHex(receipt.value.chain);
      this.#outside.set(chain, [...(this.#outside.get(chain) ?? []), receipt.value]);
    }
  }

  #chain(line: Extract<ExportLine, { chain: string }>): void {
    this.#closeChain();
    this.#counts.chains += 1;
    const name = line.chain;
    const [chain, envelope] = [fromHex(name), bytesOfBase64(line.admission)];
    this.#place = { device: '', chain: chain === undefined ? '' : name };
    if (chain === undefined || toHex(chain) !== name || envelope === undefined) return this.#fault({ code: 'BELAY_E_MALFORMED', detail: 'This is not a good chain line; its events are passed over.' });
    const admission = openEnvelope(envelope, 'admission', this.#trust as Trust, this.#options.verify, 'when-signed');
    if (!admission.ok) return this.#fault({ code: admission.error.code, detail: 'The server\'s word for the chain\'s first key does not hold; its events are passed over.' });
    this.#place = { device: admission.value.device, chain: name };
    if (!this.#isOwnChain(admission.value, chain) || !agrees(line, admission.value)) return this.#fault({ code: 'BELAY_E_WRONG_DEVICE', detail: 'The chain is not that of this server, device and first key; its events are passed over.' });
    if (this.#seen.has(name)) return this.#fault({ code: 'BELAY_E_CHAIN_FORK', detail: 'This chain is there twice; the second is passed over.' });
    this.#seen.add(name);
    const report = (fault: Failed) => this.#fault(fault);
        this.#audit = new ChainAudit(newChain(chain, admission.value.evidenceKey), line.writer, { ...this.#options, report, line: () => this.#line });
    for (const receipt of this.#outside.get(name) ?? []) this.#audit.receipt(receipt);
  }

  #isOwnChain({ device, evidenceKey, server }: Admission, chain: Uint8Array): boolean {
    const { sha256 } = this.#options;
    if (device !== SERVER_DEVICE && device !== deviceIdOf(evidenceKey, sha256)) return false;
    return [server, NO_SERVER].some((each) => equalBytes(chain, chainIdOf(each, device, evidenceKey, sha256)));
  }

  #receipt(envelope: Uint8Array | undefined): void {
    this.#counts.receipts += 1;
    if (this.#audit === undefined) return;
    if (envelope === undefined) return this.#fault({ code: 'BELAY_E_MALFORMED', detail: 'This is not a receipt.' });
    const receipt = openEnvelope(envelope, 'receipt', this.#trust as Trust, this.#options.verify, 'when-signed');
    if (!receipt.ok) return this.#fault({ code: receipt.error.code, detail: 'This receipt does not hold.' });
    const { device, chain } = receipt.value;
    if (device !== this.#place.device || toHex(chain) !== this.#place.chain) return this.#fault({ code: 'BELAY_E_WRONG_DEVICE', detail: 'This receipt is for another chain.' });
    this.#audit.receipt(receipt.value);
  }

  #event(encoded: Uint8Array | undefined): void {
    this.#counts.events += 1;
    this.#audit?.event(encoded);
    if (this.#counts.chains === 0) this.#fault({ code: 'BELAY_E_MALFORMED', detail: 'An event stands before its chain.' });
  }

  /** Whatever it was, it stands where an event of this chain would, unless no event came yet. */
  #unreadable(): void {
    if (this.#audit !== undefined && this.#audit.summary.events > 0) return this.#event(undefined);
    this.#fault({ code: 'BELAY_E_MALFORMED', detail: 'This line is not of an export.' });
  }

  #end(counts: { readonly chains: number; readonly events: number; readonly receipts: number }): void {
    this.#closeChain();
    this.#state = 'ended';
    const own = this.#counts;
    if (counts.chains === own.chains && counts.events === own.events && counts.receipts === own.receipts) return;
    this.#fault({ code: 'BELAY_E_CHAIN_GAP', detail: `The export was made with ${counts.chains} chains, ${counts.events} events and ${counts.receipts} receipts; here are ${own.chains}, ${own.events} and ${own.receipts}.` });
  }

  #closeChain(): void {
    this.#audit?.end();
    if (this.#audit !== undefined) this.#chains.push({ ...this.#place, ...this.#audit.summary });
    this.#audit = undefined;
    this.#place = NOWHERE;
  }

  #findMissingChains(): void {
    for (const [chain, receipts] of this.#outside) {
      const device = receipts[0]?.device ?? '';
      if (!this.#seen.has(chain)) this.#fault({ code: 'BELAY_E_CHAIN_GAP', detail: 'The server gave a receipt for this chain, and the export does not have it.' }, { device, chain });
    }
  }
}

/** What the line says for people's eyes is what was signed. */
function agrees(line: Extract<ExportLine, { chain: string }>, { device, evidenceKey }: Admission): boolean {
  return line.device === device && line.genesisKey === toHex(evidenceKey) && (line.writer === 'server') === (device === SERVER_DEVICE);
}
