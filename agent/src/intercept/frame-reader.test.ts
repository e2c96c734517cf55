import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { FrameReader, frameOf } from './frame-reader.ts';

function drain(reader: FrameReader): (string | Buffer)[] {
  const found = [];
  for (let message = reader.next(); message !== undefined; message = reader.next()) {
    found.push(message);
    if (message === 'too-large') break;
  }
  return found;
}

test('however the stream is cut, the messages are the same', () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 1, maxLength: 20 }), (messages, cuts) => {
    const reader = new FrameReader(300);
    const stream = Buffer.concat(messages.map(frameOf));
    const found: (string | Buffer)[] = [];
    for (let at = 0, turn = 0; at < stream.length; turn++) {
      const size = cuts[turn % cuts.length] as number;
      reader.push(stream.subarray(at, at + size));
      at += size;
      found.push(...drain(reader));
    }
    expect(found.map((message) => Buffer.from(message as Buffer).toString('hex'))).toEqual(messages.map((message) => Buffer.from(message).toString('hex')));
    expect(reader.unfinished).toBe(false);
  }));
});

test('a frame that announces too much is refused from its first four bytes', () => {
  const reader = new FrameReader(10);
  reader.push(Buffer.from([0, 0, 0, 11]));
  expect(drain(reader)).toEqual(['too-large']);
  const huge = new FrameReader(10);
  huge.push(Buffer.from([255, 255, 255, 255, 1]));
  expect(drain(huge)).toEqual(['too-large']);
});

test('a frame that was begun is known to be unfinished', () => {
  const reader = new FrameReader(10);
  reader.push(Buffer.from([0, 0, 0, 2, 7]));
  expect(drain(reader)).toEqual([]);
  expect(reader.unfinished).toBe(true);
});
