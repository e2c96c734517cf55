import { equalBytes } from '../bytes.ts';
import type { Sha256 } from '../crypto.ts';
import {
  blockHash, decodeFrame, decodeHeader, type DecodedFrame, encodeFrame, HASH_BYTES, joined, LENGTH_BYTES, MAX_BLOCK_BYTES, MAX_FRAME_BYTES, RECORDING_CUTS, type RecordedKind, type RecordingCut, type RecordingHeader,
  recordingRoot,
} from './recording-format.ts';

/** `atUs`: since the recording began. */
export type RecordingFrame = { readonly kind: RecordedKind; readonly offset: number; readonly atUs: number; readonly bytes: Uint8Array };

/** What is wrong between two offsets of the file. */
export type RecordingFault = { readonly from: number; readonly to: number; readonly text: string };

/** What an event says of a recording: its hash when it had that many bytes. */
export type RecordingBond = { readonly hash: Uint8Array; readonly length: number };

export type RecordingReport = {
  readonly header: RecordingHeader | undefined;
  /** In the order of the file; the first hundred. */
  readonly faults: readonly RecordingFault[];
  /** Bytes in whole frames, and the hash of them. */
  readonly length: number;
  readonly hash: Uint8Array;
  /** Up to here a seal stands in the file. */
  readonly sealed: number;
  readonly frames: number;
  readonly durationUs: number;
  /** Undefined: it does not say how it ended: it still runs, or was cut off. As sudo tells it: wait status and errno. */
  readonly ended: { readonly status: number; readonly error: number } | undefined;
  readonly cut: RecordingCut | undefined;
};

export type RecordingOptions = { readonly sha256: Sha256; readonly bond?: RecordingBond | undefined; readonly onFrame?: (frame: RecordingFrame) => void };

const MAX_FAULTS = 100;

/** Reads a recording as it comes, verifies its chain and names the places where it does not hold. Never throws; memory is bounded. */
export class RecordingReader {
  readonly #options: RecordingOptions;
  readonly #faults: RecordingFault[] = [];
  #pending: Uint8Array = new Uint8Array(0);
  #length = 0;
  #broken = false;
  #sealedHash: Uint8Array;
  #sealed = 0;
  #block: Uint8Array[] = [];
  #blockBytes = 0;
  #header: RecordingHeader | undefined;
  #frames = 0;
  #atUs = 0;
  #ended: RecordingReport['ended'];
  #cut: RecordingCut | undefined;
  #bondSeen = false;

  constructor(options: RecordingOptions) {
    this.#options = options;
    this.#sealedHash = recordingRoot(options.sha256);
  }

  push(chunk: Uint8Array): void {
    if (this.#broken) return;
    const bytes = this.#pending.length === 0 ? chunk : joined([this.#pending, chunk]);
    let at = 0;
    while (bytes.length - at >= LENGTH_BYTES) {
      const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0);
      if (length < 2 || length > MAX_FRAME_BYTES) {
        this.#break('no frame begins here: what follows cannot be read');
        return;
      }
      if (bytes.length - at < LENGTH_BYTES + length) break;
      this.#take(bytes.slice(at, at + LENGTH_BYTES + length));
      if (this.#broken) return;
      at += LENGTH_BYTES + length;
    }
    this.#pending = bytes.slice(at);
  }

  end(): RecordingReport {
    if (this.#pending.length > 0 && !this.#broken) this.#fault(this.#length, this.#length + this.#pending.length, 'it breaks off in the middle of a frame');
    if (this.#header === undefined && !this.#broken) this.#fault(0, this.#length, 'it has no header');
    if (this.#options.bond !== undefined && !this.#bondSeen) this.#fault(this.#length, this.#options.bond.length, `the event speaks of ${this.#options.bond.length} bytes, and no frame ends there`);
    return {
      header: this.#header, faults: this.#faults, length: this.#length, hash: this.#hash(), sealed: this.#sealed, frames: this.#frames, durationUs: this.#atUs, ended: this.#ended, cut: this.#cut,
    };
  }

  #hash(): Uint8Array {
    return this.#block.length === 0 ? this.#sealedHash : blockHash(this.#sealedHash, this.#block, this.#options.sha256);
  }

  #fault(from: number, to: number, text: string): void {
    if (this.#faults.length < MAX_FAULTS) this.#faults.push({ from, to, text });
  }

  #break(text: string): void {
    this.#broken = true;
    this.#pending = new Uint8Array(0);
    this.#fault(this.#length, this.#length, text);
  }

  #take(whole: Uint8Array): void {
    const frame = decodeFrame(whole.subarray(LENGTH_BYTES));
    if (frame === undefined || !Number.isSafeInteger(this.#atUs + frame.elapsedUs)) {
      this.#break('a frame has no time: what follows cannot be read');
      return;
    }
    const offset = this.#length;
    this.#length += whole.length;
    this.#frames++;
    this.#atUs += frame.elapsedUs;
    if (frame.kind === 'seal') this.#seal(whole, offset);
    else this.#grow(whole, offset, frame);
    this.#checkBond();
  }

  #grow(whole: Uint8Array, offset: number, { kind, bytes }: DecodedFrame): void {
    this.#block.push(whole);
    this.#blockBytes += whole.length;
    if (this.#blockBytes > MAX_BLOCK_BYTES) {
      this.#break('there is no seal where one has to be: what follows is not verified');
      return;
    }
    if (kind === undefined) this.#fault(offset, this.#length, 'a frame of a kind that is not known');
    else this.#note(kind, offset, bytes);
  }

  #note(kind: RecordedKind, offset: number, bytes: Uint8Array): void {
    if ((kind === 'header') !== (offset === 0)) this.#fault(offset, this.#length, offset === 0 ? 'it does not begin with a header' : 'a second header');
    if (this.#ended !== undefined) this.#fault(offset, this.#length, 'something stands after the end');
    if (kind === 'header') {
      this.#header ??= decodeHeader(bytes);
      if (this.#header === undefined) this.#fault(offset, this.#length, 'the header cannot be understood');
    } else if (kind === 'end' && bytes.length === 8) {
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      this.#ended = { status: view.getInt32(0), error: view.getInt32(4) };
    } else if (kind === 'cut') {
      this.#cut = RECORDING_CUTS[(bytes[0] ?? 0) - 1] ?? 'unwritable';
    }
    this.#options.onFrame?.({ kind, offset, atUs: this.#atUs, bytes });
  }

  /** Each block is held against the seal that stands before it, so that one edit is one fault. A seal has one form: no hash covers it. */
  #seal(whole: Uint8Array, offset: number): void {
    if (this.#block.length === 0) this.#fault(offset, offset + whole.length, 'a seal of nothing');
    else if (!equalBytes(whole, encodeFrame('seal', 0, this.#hash()))) this.#fault(this.#sealed, offset + whole.length, 'something was changed here, taken out or put in');
    if (whole.length >= HASH_BYTES) this.#sealedHash = whole.slice(-HASH_BYTES);
    this.#sealed = this.#length;
    this.#block = [];
    this.#blockBytes = 0;
  }

  #checkBond(): void {
    const { bond } = this.#options;
    if (bond === undefined || this.#length !== bond.length) return;
    this.#bondSeen = true;
    if (!equalBytes(this.#hash(), bond.hash)) this.#fault(0, this.#length, 'this is not what the event speaks of: its hash is another');
  }
}

/** The whole file at once. */
export function readRecording(bytes: Uint8Array, options: RecordingOptions): RecordingReport {
  const reader = new RecordingReader(options);
  reader.push(bytes);
  return reader.end();
}
