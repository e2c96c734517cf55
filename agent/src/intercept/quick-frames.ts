import type { LaunchSchema, SudoCheck, VerdictSchema } from '@belay/proto/local';
import type { MessageInitShape } from '@bufbuild/protobuf';

/**
 * The two frames that somebody waits for with every command, written and read by hand: the library's way through its descriptions of
 * messages costs a tenth of a millisecond each time, as nothing of it is in the processor's caches by then. Whatever is not of
 * the plain form is undefined here and the library's to handle; tests hold the two together. Wire format: protobuf.dev, "Encoding".
 */

const VARINT = 0;
const BYTES = 2;
const SUDO_CHECK_TAG = 0x0a;
/** Five bytes: a uint32, or an int32 that is not negative. */
const MAX_SHIFT = 28;

type Wire = { readonly bytes: Buffer; at: number };

/** -1: not of the plain form. */
function readNumber(wire: Wire, end: number): number {
  let value = 0;
  for (let shift = 0; shift <= MAX_SHIFT && wire.at < end; shift += 7) {
    const byte = wire.bytes[wire.at++] as number;
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return value <= 0x7fffffff ? value : -1;
  }
  return -1;
}

const NOTHING = new Uint8Array();

function emptyCheck(): SudoCheck {
  return {
    $typeName: 'belay.local.v1.SudoCheck', mode: 0, runAsUser: NOTHING, runAsUserGiven: false, runAsGroup: NOTHING, runAsGroupGiven: false, loginShell: false, impliedShell: false,
    preserveEnvironment: false, preserveEnvironmentNames: [], setHome: false, background: false, nonInteractive: false, workingDirectoryWanted: NOTHING, workingDirectoryWantedGiven: false,
    argv: [], environment: [], environmentAdded: [], workingDirectory: NOTHING, terminal: NOTHING, typedPath: NOTHING, executableOpen: false, executableFd: 0, listUser: NOTHING, listUserGiven: false,
    fileModeMask: 0, listLong: false, ignoreCachedReauth: false, pamAvailable: false, startsAtOnce: false, records: false,
  };
}

/** The question of a sudo, if the frame is one and holds nothing else; undefined: the library says what it is. */
export function readSudoCheckFrame(bytes: Buffer): SudoCheck | undefined {
  const wire: Wire = { bytes, at: 1 };
  if (bytes[0] !== SUDO_CHECK_TAG || readNumber(wire, bytes.length) !== bytes.length - wire.at) return undefined;
  const check = emptyCheck();
  while (wire.at < bytes.length) {
    const tag = readNumber(wire, bytes.length);
    const value = readNumber(wire, bytes.length);
    if (tag < 0 || value < 0) return undefined;
    if ((tag & 7) === VARINT) {
      if (!setNumber(check, tag >> 3, value)) return undefined;
      continue;
    }
    const end = wire.at + value;
    if ((tag & 7) !== BYTES || end > bytes.length || !setBytes(check, tag >> 3, bytes.subarray(wire.at, end))) return undefined;
    wire.at = end;
  }
  return check;
}

function setNumber(check: SudoCheck, field: number, value: number): boolean {
  if (field === 1) check.mode = value;
  else if (field === 22) check.executableFd = value;
  else if (field === 25) check.fileModeMask = value;
  else return value <= 1 && setFlag(check, field, value === 1);
  return true;
}

function setFlag(check: SudoCheck, field: number, value: boolean): boolean {
  switch (field) {
    case 3: check.runAsUserGiven = value; return true;
    case 5: check.runAsGroupGiven = value; return true;
    case 6: check.loginShell = value; return true;
    case 7: check.impliedShell = value; return true;
    case 8: check.preserveEnvironment = value; return true;
    case 10: check.setHome = value; return true;
    case 11: check.background = value; return true;
    case 12: check.nonInteractive = value; return true;
    case 14: check.workingDirectoryWantedGiven = value; return true;
    case 21: check.executableOpen = value; return true;
    case 24: check.listUserGiven = value; return true;
    case 26: check.listLong = value; return true;
    case 27: check.ignoreCachedReauth = value; return true;
    case 28: check.pamAvailable = value; return true;
    case 29: check.startsAtOnce = value; return true;
    case 40: check.records = value; return true;
    default: return false;
  }
}

function setBytes(check: SudoCheck, field: number, value: Buffer): boolean {
  switch (field) {
    case 2: check.runAsUser = value; return true;
    case 4: check.runAsGroup = value; return true;
    case 9: check.preserveEnvironmentNames.push(value); return true;
    case 13: check.workingDirectoryWanted = value; return true;
    case 15: check.argv.push(value); return true;
    case 16: check.environment.push(value); return true;
    case 17: check.environmentAdded.push(value); return true;
    case 18: check.workingDirectory = value; return true;
    case 19: check.terminal = value; return true;
    case 20: check.typedPath = value; return true;
    case 23: check.listUser = value; return true;
    default: return false;
  }
}

/** Beyond this the library's way is as good. */
const PLAIN_BYTES = 32 * 1024;
const MAX_NUMBER = 2 ** 53 - 1;

type Verdict = MessageInitShape<typeof VerdictSchema>;
type Launch = MessageInitShape<typeof LaunchSchema>;

const VERDICT = 3;

/** A verdict's whole message; undefined: it is not of the plain form. */
export function writeVerdictFrame(verdict: Verdict): Buffer | undefined {
  if (verdict.launch?.recording !== undefined) return undefined;
  const writer = new Writer();
  const start = writer.begin(VERDICT);
  putVerdict(writer, verdict);
  writer.end(start);
  return writer.take();
}

function putVerdict(writer: Writer, { answer, request, message, rule, launch, token, validMs, go }: Verdict): void {
  writer.number(1, answer);
  writer.number(2, request === undefined ? 0 : Number(request));
  writer.text(3, message);
  writer.text(4, rule);
  if (launch !== undefined) {
    const start = writer.begin(5);
    putLaunch(writer, launch);
    writer.end(start);
  }
  writer.bytes(6, token);
  writer.number(7, validMs);
  writer.flag(8, go);
}

function putLaunch(writer: Writer, launch: Launch): void {
  writer.number(1, launch.by);
  writer.bytes(2, launch.path);
  writer.number(3, launch.sealedFd);
  writer.elements(4, launch.argv);
  writer.elements(5, launch.environment);
  writer.number(6, launch.uid);
  writer.number(7, launch.gid);
  writer.packed(8, launch.groups);
  writer.bytes(9, launch.workingDirectory);
  writer.number(10, launch.fileModeMask);
  writer.text(11, launch.user);
  writer.flag(12, launch.pamSession);
  writer.flag(13, launch.pamAccount);
}

function lengthOfNumber(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3;
}

const scratch = Buffer.alloc(PLAIN_BYTES);
const LONGEST_NUMBER = 8;
const LONGEST_CHARACTER = 3;

/** What does not fit, and numbers that are none, make the whole undefined. */
class Writer {
  #at = 0;
  #failed = false;

  /** The message. Nothing of it stays behind. */
  take(): Buffer | undefined {
    const message = this.#failed ? undefined : Buffer.from(scratch.subarray(0, this.#at));
    scratch.fill(0, 0, this.#at);
    return message;
  }

  number(field: number, value: number | undefined): void {
    if (value === undefined || value === 0) return;
    this.#varint(field * 8 + VARINT);
    this.#varint(value);
  }

  flag(field: number, value: boolean | undefined): void {
    if (value === true) this.number(field, 1);
  }

  text(field: number, text: string | undefined): void {
    if (text === undefined || text === '') return;
    const start = this.begin(field);
    if (this.#hasRoom(text.length * LONGEST_CHARACTER)) this.#at += scratch.write(text, this.#at);
    this.end(start);
  }

  bytes(field: number, bytes: Uint8Array | undefined): void {
    if (bytes !== undefined && bytes.length > 0) this.#element(field, bytes);
  }

  elements(field: number, elements: readonly Uint8Array[] | undefined): void {
    for (const element of elements ?? []) this.#element(field, element);
  }

  packed(field: number, values: readonly number[] | undefined): void {
    if (values === undefined || values.length === 0) return;
    const start = this.begin(field);
    for (const value of values) this.#varint(value);
    this.end(start);
  }

  /** What is written until `end` is this field's. */
  begin(field: number): number {
    this.#varint(field * 8 + BYTES);
    return this.#at;
  }

  end(start: number): void {
    const length = this.#at - start;
    const shift = lengthOfNumber(length);
    if (!this.#hasRoom(shift)) return;
    scratch.copyWithin(start + shift, start, this.#at);
    this.#at = start;
    this.#varint(length);
    this.#at += length;
  }

  #element(field: number, bytes: Uint8Array): void {
    this.#varint(field * 8 + BYTES);
    this.#varint(bytes.length);
    if (!this.#hasRoom(bytes.length)) return;
    scratch.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  #varint(value: number): void {
    if (!(value >= 0 && value <= MAX_NUMBER)) this.#failed = true;
    if (!this.#hasRoom(LONGEST_NUMBER)) return;
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) scratch[this.#at++] = (rest % 0x80) | 0x80;
    scratch[this.#at++] = rest;
  }

  #hasRoom(length: number): boolean {
    if (this.#at + length > PLAIN_BYTES) this.#failed = true;
    return !this.#failed;
  }
}
