import { type ByteString, encodeUtf8 } from '../../../core/src/bytes.ts';
import { bytesIn } from '../../../core/src/policy-tools/cases/question.ts';

/** Text of a case as sh takes it, byte for byte: `\xHH` stands for a byte. */
export function quoted(text: string): ByteString {
  return `'${bytesIn(text).replaceAll("'", String.raw`'\''`)}'` as ByteString;
}

/** Lines of a script. */
export function script(...lines: readonly string[]): ByteString {
  return lines.map((line) => `${line}\n`).join('') as ByteString;
}

/** Writes a file of any bytes but NUL. */
export function written(path: string, content: ByteString): ByteString {
  return script(`cat >${encodeUtf8(path)} <<'END-OF-LIVE'`, `${content}END-OF-LIVE`);
}
