import { createReadStream } from 'node:fs';
import { fromHex } from '@belay/core/bytes';
import { bytesOfBase64, createExportVerifier, type ExportFault, type ExportReport, parseExportLine } from '@belay/core/evidence';
import { ed25519Verify, sha256 } from '@belay/core/node-crypto';
import type { Command } from 'commander';
import { type OutputOptions, print, running } from './command.ts';
import { Ended, type ExitName } from './exit-codes.ts';
import { details, inert } from './text.ts';

type VerifyOptions = OutputOptions & { readonly server?: string; readonly receipts?: string };

/** A longer line is no event: the longest is 5 MiB, in base64. */
const MAX_LINE = 8 * 1024 * 1024;

/** What `belay-verify` and `belayctl event verify` take and do. Reads files only: needs neither server nor sign-in. */
export function asVerifyCommand(command: Command): Command {
  return command
    .argument('<file>', 'an export, as `belayctl event export` writes it; - for standard input')
    .option('--server <id>', 'the server\'s id (64 hexadecimal digits), known from elsewhere')
    .option('--receipts <file>', 'receipts kept elsewhere, or an older export: what they are for must be there')
    .action(running((file: string, options: VerifyOptions) => verifyFile(file, options)));
}

async function verifyFile(file: string, options: VerifyOptions): Promise<ExitName> {
  const serverId = options.server === undefined ? undefined : fromHex(options.server);
  if (options.server !== undefined && serverId?.length !== 32) throw new Ended('usage', '--server takes 64 hexadecimal digits.');
  const receipts = options.receipts === undefined ? [] : await receiptsIn(options.receipts);
  const verifier = createExportVerifier({ sha256, verify: ed25519Verify, serverId, receipts });
  for await (const line of linesOf(file)) verifier.line(line);
  const report = verifier.end();
  print(options, report, () => asText(report, serverId !== undefined));
  return report.faults.length === 0 ? 'done' : 'verification';
}

async function receiptsIn(file: string): Promise<Uint8Array[]> {
  const receipts: Uint8Array[] = [];
  for await (const line of linesOf(file)) {
    const parsed = parseExportLine(line);
    const envelope = parsed !== undefined && 'receipt' in parsed ? bytesOfBase64(parsed.receipt) : undefined;
    if (envelope !== undefined) receipts.push(envelope);
  }
  if (receipts.length === 0) throw new Ended('failed', `${inert(file)} has no receipts.`);
  return receipts;
}

/** Lines without their ends; the rest of one that is too long is dropped, and what is left is no line of an export. */
async function* linesOf(file: string): AsyncGenerator<string> {
  const stream = file === '-' ? process.stdin : createReadStream(file);
  stream.setEncoding('latin1');
  let parts: string[] = [];
  let length = 0;
  try {
    for await (const chunk of stream as AsyncIterable<string>) {
      const pieces = chunk.split('\n');
      for (const [index, piece] of pieces.entries()) {
        if (index > 0) {
          yield parts.join('');
          [parts, length] = [[], 0];
        }
        if (length <= MAX_LINE) parts.push(piece);
        length += piece.length;
      }
    }
  } catch (error) {
    throw new Ended('failed', `${inert(file)} cannot be read: ${error instanceof Error ? inert(error.message) : 'unknown'}`);
  }
  if (length > 0) yield parts.join('');
}

function asText(report: ExportReport, isPinned: boolean): string {
  const { faults, faultsOmitted, chains } = report;
  const open = chains.reduce((sum, { last, receipted }) => sum + Math.max(0, last - receipted), 0);
  const said = faults.map(faultText).join('');
  const more = faultsOmitted > 0 ? `and ${faultsOmitted} more\n` : '';
  const verdict = faults.length === 0 ? 'The evidence holds.\n' : `The evidence does not hold: ${faults.length + faultsOmitted} faults.\n`;
  const facts = details([
    ['server', `${report.server}${isPinned ? '' : ' (not compared with anything: pass --server ID)'}`],
    ['chains', String(chains.length)],
    ['events', String(report.events)],
    ['receipts', String(report.receipts)],
    ['not receipted', `${open}${open > 0 ? ' (true as far as they go; that none is missing after them is not proven)' : ''}`],
  ]);
  return said + more + verdict + facts;
}

function faultText({ line, device, seq, code, detail }: ExportFault): string {
  const where = [`line ${line}`, ...(device === '' ? [] : [device]), ...(seq === 0 ? [] : [`event ${seq}`])].join(', ');
  return `${inert(where)}: ${inert(detail)} (${code})\n`;
}
