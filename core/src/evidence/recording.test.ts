import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sha256 } from '@belay/core/node-crypto';
import { readRecording, RecordingReader, type RecordingFrame } from './recording.ts';
import { beginRecording, blockHash, decodeFrame, encodeFrame, joined, LENGTH_BYTES, type RecordedKind, type RecordingHeader } from './recording-format.ts';
import { createInertText } from './recording-text.ts';

/** At full length in `npm run soak`. */
const SOAK = process.env['BELAY_SOAK'] === '1' ? 50 : 1;
const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const header: RecordingHeader = {
  request: 7, device: 'd-1', chain: new Uint8Array(32), startedAt: 1_700_000_000_000, uid: 2001, user: 'alice', runAsUid: 0, rules: ['work/shell'], command: text('/bin/sh'), argv: [text('-c'), text('id')],
};

/** As the plugin writes it: each block sealed, an end. */
function recordingOf(blocks: readonly (readonly (readonly [RecordedKind, Uint8Array])[])[]): Uint8Array {
  const begun = beginRecording(header, sha256);
  const parts = [begun.bytes];
  let { sealed } = begun;
  for (const block of [...blocks, [['end', new Uint8Array(8)] as const]]) {
    const frames = block.map(([kind, bytes]) => encodeFrame(kind, 1500, bytes));
    sealed = blockHash(sealed, frames, sha256);
    parts.push(...frames, encodeFrame('seal', 0, sealed));
  }
  return joined(parts);
}

const whole = recordingOf([[['ttyOut', text('hello ')], ['ttyIn', text('x')]], [['ttyOut', text('world')], ['hidden', text('')]], [['stdout', text('more')]]]);
const report = readRecording(whole, { sha256 });
const bond = { hash: report.hash, length: report.length };

test('a whole recording is read whole, however it arrives', () => {
  expect(report).toMatchObject({ header, faults: [], length: whole.length, sealed: whole.length, ended: { status: 0, error: 0 }, cut: undefined, durationUs: 9000 });
  expect(readRecording(whole, { sha256, bond }).faults).toEqual([]);
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 40 }), (sizes) => {
    const frames: RecordingFrame[] = [];
    const reader = new RecordingReader({ sha256, bond, onFrame: (frame) => frames.push(frame) });
    for (let at = 0, index = 0; at < whole.length; index++) {
      const size = sizes[index % sizes.length] as number;
      reader.push(whole.subarray(at, at + size));
      at += size;
    }
    expect(reader.end()).toEqual(readRecording(whole, { sha256, bond }));
    expect(frames.map(({ kind }) => kind)).toEqual(['header', 'ttyOut', 'ttyIn', 'ttyOut', 'hidden', 'stdout', 'end']);
    expect(frames.at(-1)?.atUs).toBe(9000);
  }));
});

/** Where each frame begins, and what it is. */
function places(bytes: Uint8Array): readonly { readonly at: number; readonly end: number; readonly kind: RecordedKind | undefined }[] {
  const found = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + LENGTH_BYTES + new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0);
    found.push({ at, end, kind: decodeFrame(bytes.subarray(at + LENGTH_BYTES, end))?.kind });
    at = end;
  }
  return found;
}

// SECURITY(T-28): the place is named.
describe('what was done to it is named with its place', () => {
  const seals = places(whole).filter(({ kind }) => kind === 'seal');

  test('any byte that is changed, in its block', () => {
    for (let at = 0; at < whole.length; at++) {
      const changed = whole.slice();
      changed[at] = (changed[at] as number) ^ 0x41;
      const { faults } = readRecording(changed, { sha256 });
      const block = seals.findIndex(({ end }) => end > at);
      const from = block === 0 ? 0 : (seals[block - 1]?.end ?? 0);
      expect(faults.length).toBeGreaterThan(0);
      // A length that is changed may take the beginning of the next block with it; everything else is told by the seal of its block.
      expect(faults[0]?.from).toBeGreaterThanOrEqual(from);
      expect(faults[0]?.from).toBeLessThanOrEqual((seals[block + 1] ?? seals[block])?.end as number);
    }
  });

  test('a frame that is taken out, put in twice, or moved to another block', () => {
    const frames = places(whole);
    for (const { at, end } of frames.slice(1)) {
      const without = joined([whole.subarray(0, at), whole.subarray(end)]);
      const twice = joined([whole.subarray(0, end), whole.subarray(at)]);
      for (const bytes of [without, twice]) {
        const faults = [...readRecording(bytes, { sha256 }).faults, ...readRecording(bytes, { sha256, bond }).faults];
        expect(faults.length).toBeGreaterThan(0);
      }
    }
  });

  test('a cut, wherever it is, against what the event says', () => {
    for (let length = 0; length < whole.length; length++) {
      const cut = readRecording(whole.subarray(0, length), { sha256, bond });
      expect(cut.faults.at(-1)?.text).toMatch(/no frame ends there/);
      expect(cut.length).toBeLessThanOrEqual(length);
    }
  });

  test('another that is sound in itself, against what the event says', () => {
    const other = recordingOf([[['ttyOut', text('hello '), ], ['ttyIn', text('y')]], [['ttyOut', text('world')], ['hidden', text('')]], [['stdout', text('more')]]]);
    expect(readRecording(other, { sha256 }).faults).toEqual([]);
    expect(readRecording(other, { sha256, bond }).faults).toEqual([{ from: 0, to: whole.length, text: expect.stringContaining('its hash is another') }]);
  });

  test('what the event speaks of may be the beginning of what is there', () => {
    for (const { end } of places(whole)) {
      const { hash, length } = readRecording(whole.subarray(0, end), { sha256 });
      expect(length).toBe(end);
      expect(readRecording(whole, { sha256, bond: { hash, length } }).faults).toEqual([]);
    }
  });

  test.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'it has no header'],
    ['another file', text('#!/bin/sh\nrm -rf /\n'), 'no frame begins here'],
    ['a header that is none', encodeFrame('header', 0, text('x')), 'the header cannot be understood'],
    ['frames without a header', encodeFrame('ttyOut', 0, text('x')), 'it does not begin with a header'],
    ['a second header', joined([beginRecording(header, sha256).bytes, encodeFrame('header', 0, new Uint8Array(0))]), 'a second header'],
    ['something after the end', joined([whole, encodeFrame('ttyOut', 0, text('x'))]), 'something stands after the end'],
    ['a time without an end', joined([beginRecording(header, sha256).bytes, Uint8Array.of(0, 0, 0, 12, 1, ...Array<number>(11).fill(0xff))]), 'a frame has no time'],
    ['no seal for ever', joined([beginRecording(header, sha256).bytes, ...Array.from({ length: 30 }, () => encodeFrame('ttyOut', 0, new Uint8Array(10_000)))]), 'there is no seal where one has to be'],
  ])('%s', (_what, bytes, expected) => {
    expect(readRecording(bytes, { sha256 }).faults.map((fault) => fault.text).join()).toContain(expected);
  });
});

test('bytes of any kind never make the reader throw, nor keep more than it may', () => {
  const parts = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.nat(whole.length - 1).map((at) => whole.subarray(at, at + 40)), fc.constant(whole));
  fc.assert(fc.property(fc.array(parts, { maxLength: 8 }), (chunks) => {
    const reader = new RecordingReader({ sha256, bond });
    for (const chunk of chunks) reader.push(chunk);
    const read = reader.end();
    expect(read.length).toBeLessThanOrEqual(joined(chunks).length);
    expect(read.faults.length).toBeLessThanOrEqual(100);
  }), { numRuns: 2000 * SOAK });
});

test('a time of any length comes back', () => {
  fc.assert(fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), fc.uint8Array({ maxLength: 20 }), (elapsedUs, bytes) => {
    expect(decodeFrame(encodeFrame('ttyOut', elapsedUs, bytes).subarray(LENGTH_BYTES))).toEqual({ kind: 'ttyOut', elapsedUs, bytes });
  }));
});

// SECURITY(T-29): whatever was shown, nothing of it acts on the terminal of whoever looks.
describe('text for a replay', () => {
  const inertOf = (...chunks: readonly (string | Uint8Array)[]): string => {
    const screen = createInertText();
    return chunks.map((chunk) => screen.push(typeof chunk === 'string' ? text(chunk) : chunk)).join('') + screen.end();
  };

  test.each<[string, string, readonly (string | Uint8Array)[]]>([
    ['colours', 'bold plain', ['\x1b[1;31mbold\x1b[0m plain']],
    ['a title', 'after', ['\x1b]0;rm -rf\x07after']],
    ['a title that ends otherwise', 'after', ['\x1b]52;c;ZXZpbA==\x1b\\after']],
    ['a sequence in pieces', 'xy', ['x\x1b', '[3', '1my']],
    ['a character in pieces', 'grün', [text('gr'), Uint8Array.of(0xc3), Uint8Array.of(0xbc, 0x6e)]],
    ['lines and tabs', 'a\tb\nc', ['a\tb\r\nc']],
    ['8-bit controls, bidirectional marks', 'ab', ['a\u{9b}\u{202e}\u{200b}b']],
    ['a sequence without an end', '[31', ['\x1b[31']],
    ['charset and keypad', 'ab', ['\x1b(0a\x1b=b']],
  ])('%s', (_what, expected, chunks) => {
    expect(inertOf(...chunks)).toBe(expected);
  });

  test('no control ever comes through', () => {
    const piece = fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.constantFrom('\x1b', '\x1b[', '\x1b]', ';', '\x07', 'm', '\u{9b}').map(text));
    fc.assert(fc.property(fc.array(piece, { maxLength: 20 }), (chunks) => {
      expect(inertOf(...chunks).replace(/[\n\t]/g, '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    }), { numRuns: 1000 * SOAK });
  });
});
