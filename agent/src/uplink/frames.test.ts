import { expect, test } from '@jest/globals';
import { createFrameReader, frame } from './frames.ts';

const texts = (messages: readonly Buffer[] | undefined) => messages?.map((message) => message.toString());

test('messages come out whole however the bytes are cut', () => {
  const stream = Buffer.concat([frame(Buffer.from('one')), frame(Buffer.alloc(0)), frame(Buffer.from('three'))]);
  for (let size = 1; size <= stream.length; size++) {
    const reader = createFrameReader(16);
    const heard: string[] = [];
    for (let at = 0; at < stream.length; at += size) heard.push(...(texts(reader.push(stream.subarray(at, at + size))) ?? ['too large']));
    expect(heard).toEqual(['one', '', 'three']);
  }
});

test('a frame that announces more than the limit is refused before its bytes are read', () => {
  const reader = createFrameReader(4);
  expect(texts(reader.push(frame(Buffer.from('four'))))).toEqual(['four']);
  expect(reader.push(Buffer.from([0, 0, 0, 5]))).toBeUndefined();
});
