import { expect, test } from '@jest/globals';
import { ClientFrameSchema, type Launch_By, ServerFrameSchema, SudoCheckSchema, Verdict_Answer, type VerdictSchema } from '@belay/proto/local';
import { create, type MessageInitShape, ScalarType, toBinary } from '@bufbuild/protobuf';
import { readSudoCheckFrame, writeVerdictFrame } from './quick-frames.ts';

/** The same every time. */
function createDice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

type Dice = ReturnType<typeof createDice>;
const someBytes = (dice: Dice) => Buffer.from(Array.from({ length: dice(3) === 0 ? 0 : dice(300) }, () => dice(256)));
const some = <T>(dice: Dice, make: (dice: Dice) => T): T[] => Array.from({ length: dice(5) }, () => make(dice));
const flip = (dice: Dice) => dice(2) === 1;

function framed(check: MessageInitShape<typeof SudoCheckSchema>): Buffer {
  return Buffer.from(toBinary(ClientFrameSchema, create(ClientFrameSchema, { message: { case: 'sudoCheck', value: check } })));
}

function someCheck(dice: Dice): MessageInitShape<typeof SudoCheckSchema> {
  const value = (field: (typeof SudoCheckSchema.fields)[number]): unknown => {
    if (field.fieldKind === 'list') return some(dice, someBytes);
    if (field.fieldKind === 'enum') return dice(5);
    if (field.scalar === ScalarType.BYTES) return someBytes(dice);
    return field.scalar === ScalarType.BOOL ? flip(dice) : dice(2 ** 31);
  };
  return Object.fromEntries(SudoCheckSchema.fields.filter(() => dice(4) > 0).map((field) => [field.localName, value(field)]));
}

test("a sudo's question is read as the library reads it, every field", () => {
  const dice = createDice(1);
  for (let round = 0; round < 500; round++) {
    const check = someCheck(dice);
    expect({ ...readSudoCheckFrame(framed(check)) }).toEqual({ ...create(SudoCheckSchema, check) });
  }
});

test("what is cut, longer, another message, unknown or out of range is the library's", () => {
  const whole = framed({ mode: 1, argv: [Buffer.from('true')], executableFd: 7 });
  const unusual = [
    ...Array.from({ length: whole.length }, (_, length) => whole.subarray(0, length)),
    Buffer.concat([whole, whole]),
    Buffer.concat([whole, Buffer.from([0])]),
    Buffer.from(toBinary(ClientFrameSchema, create(ClientFrameSchema, { message: { case: 'status', value: {} } }))),
    framed({ executableFd: -1 }),
    framed({ fileModeMask: 2 ** 32 - 1 }),
    ...[[0x30, 2], [0xf8, 0x07, 1], [0x0d, 1, 2, 3, 4], [0x0a, 1, 1], [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0], [0x7a, 5, 1]].map((rest) => Buffer.from([0x0a, rest.length, ...rest])),
  ];
  expect(unusual.filter((frame) => readSudoCheckFrame(frame) !== undefined)).toEqual([]);
});

function someVerdict(dice: Dice): MessageInitShape<typeof VerdictSchema> {
  const launch = {
    by: dice(4) as Launch_By, path: someBytes(dice), sealedFd: dice(100), argv: some(dice, someBytes), environment: some(dice, someBytes), uid: dice(2 ** 32), gid: dice(2 ** 32),
    groups: some(dice, () => dice(2 ** 32)), workingDirectory: someBytes(dice), fileModeMask: dice(0o1000), user: ['', 'root', 'Zoë', '日本'][dice(4)] ?? '', pamSession: flip(dice), pamAccount: flip(dice),
  };
  return {
    answer: dice(2) === 0 ? Verdict_Answer.ALLOW : Verdict_Answer.DENY, request: BigInt(dice(2 ** 32)) * BigInt(1 + dice(2 ** 20)), message: 'é'.repeat(dice(200)), rule: flip(dice) ? '' : 'bench/nothing', token: someBytes(dice),
    validMs: dice(10_000), go: flip(dice), ...(flip(dice) ? { launch } : {}),
  };
}

test('a verdict is written as the library writes it, to the byte', () => {
  const dice = createDice(2);
  for (let round = 0; round < 500; round++) {
    const value = someVerdict(dice);
    expect(writeVerdictFrame(value)?.toString('hex')).toBe(Buffer.from(toBinary(ServerFrameSchema, create(ServerFrameSchema, { message: { case: 'verdict', value } }))).toString('hex'));
  }
});

test("a verdict that is large, has a recording or holds what is no number is the library's", () => {
  const long = Buffer.alloc(40 * 1024, 1);
  const unusual: readonly MessageInitShape<typeof VerdictSchema>[] = [
    { launch: { environment: [long] } }, { message: 'x'.repeat(40 * 1024) }, { launch: { recording: { fd: 3 } } }, { request: -1n }, { request: 2n ** 60n }, { launch: { sealedFd: -1 } }, { launch: { uid: Number.NaN } },
  ];
  expect(unusual.filter((verdict) => writeVerdictFrame(verdict) !== undefined)).toEqual([]);
  // Nothing of it is left for the next.
  expect(writeVerdictFrame({ go: true })?.toString('hex')).toBe('1a024001');
});
