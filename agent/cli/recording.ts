import { createReadStream, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { byteStringOf, fromHex, toHex } from '@belay/core/bytes';
import { createInertText, type InertText, type RecordedKind, type RecordingBond, type RecordingFrame, type RecordingHeader, RecordingReader, type RecordingReport } from '@belay/core/evidence';
import { sha256 } from '@belay/core/node-crypto';
import { inertBytes } from '../src/decide/inert.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { fieldLines, inert } from './text.ts';

const defaultFolder = '/var/lib/belay/recordings';
const fileName = /^(\d+)-[0-9a-f]{8}\.rec$/;

export type ListOptions = { readonly json: boolean; readonly folder?: string };
export type VerifyOptions = ListOptions & { readonly hash?: string; readonly bytes?: string };
export type ReplayOptions = ListOptions & { readonly raw: boolean; readonly instant: boolean; readonly input: boolean; readonly maxWait: string };

/** A sentence for the person. */
class Unreadable extends Error {
  readonly code: ExitCode;
  constructor(message: string, code: ExitCode) {
    super(message);
    this.code = code;
  }
}

/** Runs an act; what cannot be read is explained once, here. */
export async function reading(act: () => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    process.stderr.write(`belay: ${inert(error.message)}\n`);
    return error.code;
  }
}

export async function listRecordings({ json, folder = defaultFolder }: ListOptions): Promise<ExitCode> {
  const rows: { file: string; bytes: number; report: RecordingReport }[] = [];
  for (const file of filesIn(folder)) {
    const path = join(folder, file);
    rows.push({ file: path, bytes: statSync(path).size, report: await readAll(path, {}) });
  }
  const text = rows.map(({ file, bytes, report }) => `${summaryText(file, bytes, report)}\n`).join('');
  const empty = 'There are no recordings. A rule with "record: session" makes them.\n';
  process.stdout.write(json ? `${JSON.stringify(rows.map(({ file, bytes, report }) => ({ file, bytes, ...reportJson(report) })), null, 2)}\n` : text === '' ? empty : text);
  return exitCodes.done;
}

export async function verifyRecording(wanted: string, options: VerifyOptions): Promise<ExitCode> {
  const file = findRecording(wanted, options.folder ?? defaultFolder);
  const report = await readAll(file, { bond: bondOf(options) });
  process.stdout.write(options.json ? `${JSON.stringify({ file, ...reportJson(report) }, null, 2)}\n` : verifyText(file, report, bondOf(options)));
  return report.faults.length === 0 ? exitCodes.done : exitCodes.failed;
}

export async function replayRecording(wanted: string, options: ReplayOptions): Promise<ExitCode> {
  const file = findRecording(wanted, options.folder ?? defaultFolder);
  const maxWaitMs = Number(options.maxWait) * 1000;
  if (!(maxWaitMs >= 0)) throw new Unreadable('--max-wait wants a number of seconds', exitCodes.usage);
  const isTimed = process.stdout.isTTY && !options.instant && !options.json;
  const show = options.json ? jsonLine : screen(options);
  let shownUs = 0;
  const report = await readAll(file, {}, async (frame) => {
    const waitMs = Math.min((frame.atUs - shownUs) / 1000, maxWaitMs);
    shownUs = frame.atUs;
    if (isTimed && waitMs > 0) await delay(waitMs);
    await written(show(frame));
  });
  await written(options.json ? '' : show(undefined));
  if (report.faults.length > 0) process.stderr.write(`belay: this recording is not whole: ${inert(faultText(report))}\nRun \`belay recording verify ${file}\`.\n`);
  return report.faults.length === 0 ? exitCodes.done : exitCodes.failed;
}

async function written(text: string | Uint8Array): Promise<void> {
  if (text.length > 0 && !process.stdout.write(text)) await new Promise((resolve) => process.stdout.once('drain', resolve));
}

const SHOWN: ReadonlySet<RecordedKind> = new Set(['ttyOut', 'stdout', 'stderr']);
const TYPED: ReadonlySet<RecordedKind> = new Set(['ttyIn', 'stdin']);

/** Undefined: that was all. */
function screen({ raw, input }: ReplayOptions): (frame: RecordingFrame | undefined) => string | Uint8Array {
  const texts = new Map<RecordedKind, InertText>();
  const textOf = (kind: RecordedKind): InertText => texts.get(kind) ?? texts.set(kind, createInertText()).get(kind) as InertText;
  return (frame) => {
    if (frame === undefined) return raw ? '' : [...texts.values()].map((text) => text.end()).join('');
    if (SHOWN.has(frame.kind)) return raw ? frame.bytes : textOf(frame.kind).push(frame.bytes);
    if (!input) return '';
    if (frame.kind === 'hidden') return '\n<typed, and not shown>\n';
    return TYPED.has(frame.kind) ? `\n<typed: ${inertBytes(byteStringOf(frame.bytes))}>\n` : '';
  };
}

function jsonLine(frame: RecordingFrame | undefined): string {
  if (frame === undefined || frame.kind === 'header') return '';
  const { kind, atUs, bytes } = frame;
  if (kind === 'window') return `${JSON.stringify({ kind, atUs, lines: numberAt(bytes, 0), columns: numberAt(bytes, 2) })}\n`;
  return `${JSON.stringify({ kind, atUs, base64: Buffer.from(bytes).toString('base64') })}\n`;
}

function numberAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

/** A path, or the number of a request: then its newest recording. */
function findRecording(wanted: string, folder: string): string {
  const number = /^#?(\d+)$/.exec(wanted)?.[1];
  if (number === undefined) return wanted;
  const found = filesIn(folder).filter((name) => fileName.exec(name)?.[1] === number).map((name) => join(folder, name));
  const [newest] = found.toSorted((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
  if (newest === undefined) throw new Unreadable(`there is no recording of request #${number} in ${folder}`, exitCodes.noSuchRequest);
  return newest;
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => fileName.test(name)).toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));
  } catch (error) {
    throw unreadable(folder, error);
  }
}

function unreadable(what: string, error: unknown): Unreadable {
  const code = (error as { code?: string }).code;
  if (code === 'EACCES' || code === 'EPERM') return new Unreadable('only root may see recordings: run it with sudo', exitCodes.needsRoot);
  return new Unreadable(code === 'ENOENT' ? `${what} does not exist` : `${what} cannot be read (${code ?? 'fault'})`, exitCodes.failed);
}

function bondOf({ hash, bytes }: VerifyOptions): RecordingBond | undefined {
  if (hash === undefined && bytes === undefined) return undefined;
  const decoded = hash === undefined ? undefined : fromHex(hash) ?? bytesOfBase64(hash);
  if (decoded?.length !== 32 || !/^\d+$/.test(bytes ?? '')) throw new Unreadable('--hash and --bytes go together: recordingHash (hexadecimal or base64) and recordingBytes of the event elevation.outcome', exitCodes.usage);
  return { hash: decoded, length: Number(bytes) };
}

function bytesOfBase64(text: string): Uint8Array {
  return Buffer.from(text, 'base64');
}

async function readAll(file: string, { bond }: { readonly bond?: RecordingBond | undefined }, use?: (frame: RecordingFrame) => Promise<void>): Promise<RecordingReport> {
  const frames: RecordingFrame[] = [];
  const reader = new RecordingReader({ sha256, bond, ...(use === undefined ? {} : { onFrame: (frame) => frames.push(frame) }) });
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: 256 * 1024 })) {
      reader.push(chunk as Buffer);
      for (const frame of frames.splice(0)) await use?.(frame);
    }
  } catch (error) {
    throw unreadable(file, error);
  }
  return reader.end();
}

function commandOf({ command, argv }: RecordingHeader): string {
  return [command, ...argv].map((word) => inertBytes(byteStringOf(word), 200)).join(' ');
}

function stateOf({ ended, cut, faults }: RecordingReport): string {
  if (faults.length > 0) return 'NOT WHOLE';
  if (cut !== undefined) return cut === 'limit' ? 'cut at its limit' : 'cut: could not be written';
  return ended === undefined ? 'no end: still running, or cut off' : 'whole';
}

function summaryText(file: string, bytes: number, report: RecordingReport): string {
  const { header, durationUs } = report;
  const what = header === undefined ? 'no header' : `#${header.request} ${new Date(header.startedAt).toISOString()} ${header.user ?? `uid ${header.uid}`}: ${commandOf(header)}`;
  return `${inert(what)}\n    ${seconds(durationUs)}, ${bytes} bytes, ${stateOf(report)}: ${inert(file)}`;
}

function seconds(us: number): string {
  return `${(us / 1_000_000).toFixed(1)} s`;
}

function faultText({ faults }: RecordingReport): string {
  return faults.map(({ from, to, text }) => `bytes ${from} to ${to}: ${text}`).join('; ');
}

function verifyText(file: string, report: RecordingReport, bond: RecordingBond | undefined): string {
  const { header, length, hash, faults, sealed } = report;
  const about: readonly (readonly [string, string])[] = header === undefined ? [] : [
    ['Request', `#${header.request} on ${header.device}`],
    ['By', header.user ?? `uid ${header.uid}`],
    ['Command', commandOf(header)],
    ['Began', new Date(header.startedAt).toISOString()],
  ];
  const open = sealed < length ? [['Unsealed', `the last ${length - sealed} bytes`] as const] : [];
  const fields = fieldLines([['File', file], ...about, ['State', stateOf(report)], ['Length', `${length} bytes, ${seconds(report.durationUs)}`], ['Hash', toHex(hash)], ...open]);
  if (faults.length > 0) return `${fields}\nThis recording does not hold:\n${faults.map(({ from, to, text }) => `  bytes ${from} to ${to}: ${inert(text)}\n`).join('')}`;
  if (bond !== undefined) return `${fields}\nIt is what the event speaks of.${bond.length < length ? ` The ${length - bond.length} bytes after it are vouched for by nothing.` : ''}\n`;
  const request = header === undefined ? '' : ` of request #${header.request}`;
  return `${fields}\nIts chain holds. That proves accidents only: compare hash and length with recordingHash and recordingBytes in the event\nelevation.outcome${request}, which the server has receipted (--hash, --bytes).\n`;
}

function reportJson({ header, faults, length, hash, sealed, frames, durationUs, ended, cut }: RecordingReport): object {
  return {
    request: header?.request ?? null, device: header?.device ?? null, user: header?.user ?? null, uid: header?.uid ?? null, command: header === undefined ? null : commandOf(header),
    startedAt: header?.startedAt ?? null, durationMs: Math.round(durationUs / 1000), frames, length, sealed, hash: toHex(hash), ended: ended ?? null, cut: cut ?? null, intact: faults.length === 0, faults,
  };
}
