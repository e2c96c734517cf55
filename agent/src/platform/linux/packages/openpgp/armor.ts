/**
 * The two text forms of OpenPGP (RFC 9580, sections 6 and 7): armoured blocks, and text signed in the clear. Texts are one char per byte.
 * The checksum of an armoured block is not looked at: it protects nothing that a signature does not.
 */
export type ClearSigned = {
  /** The signed lines as the signature covers them: dash-escapes undone, without trailing blanks and line endings. */
  readonly lines: readonly string[];
  readonly signatures: Uint8Array;
};

const CLEAR_HEADER = '-----BEGIN PGP SIGNED MESSAGE-----';
const SIGNATURE_HEADER = '-----BEGIN PGP SIGNATURE-----';
const SIGNATURE_END = '-----END PGP SIGNATURE-----';

/** The bytes of every block of that kind, one after another; undefined where a block is broken. */
export function readArmor(text: string, kind: 'PUBLIC KEY BLOCK' | 'SIGNATURE'): Uint8Array | undefined {
  const lines = linesOf(text);
  const blocks: Uint8Array[] = [];
  for (let at = 0; at < lines.length; at++) {
    if (lines[at] !== `-----BEGIN PGP ${kind}-----`) continue;
    const end = lines.indexOf(`-----END PGP ${kind}-----`, at);
    const block = end === -1 ? undefined : readBlock(lines.slice(at + 1, end));
    if (block === undefined) return undefined;
    blocks.push(block);
    at = end;
  }
  return blocks.length === 0 ? undefined : Buffer.concat(blocks);
}

function readBlock(lines: readonly string[]): Uint8Array | undefined {
  const blank = lines.indexOf('');
  if (blank === -1 || !lines.slice(0, blank).every((line) => /^[A-Za-z-]+: /.test(line))) return undefined;
  const data = lines.slice(blank + 1);
  if (data.at(-1)?.startsWith('=') === true) data.pop();
  const text = data.join('');
  return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0 ? Buffer.from(text, 'base64') : undefined;
}

/**
 * SECURITY(T-16): what is signed is all there is. Anything before the message or after its signature, and any line that should have been
 * escaped, makes it no signed message: a reader of the file and the judge of its signature must see the same lines.
 */
export function readClearSigned(text: string): ClearSigned | undefined {
  const lines = linesOf(text);
  while (lines.at(-1) === '') lines.pop();
  const blank = lines.indexOf('');
  const end = lines.indexOf(SIGNATURE_HEADER);
  if (lines[0] !== CLEAR_HEADER || blank === -1 || end < blank || !lines.slice(1, blank).every((line) => /^Hash: [A-Za-z0-9,]+$/.test(line))) return undefined;
  if (lines.at(-1) !== SIGNATURE_END || lines.indexOf(SIGNATURE_END) !== lines.length - 1) return undefined;
  const signatures = readBlock(lines.slice(end + 1, -1));
  const body = lines.slice(blank + 1, end);
  if (signatures === undefined || body.some((line) => line.startsWith('-') && !line.startsWith('- '))) return undefined;
  return { lines: body.map((line) => (line.startsWith('- ') ? line.slice(2) : line)).map(withoutTrailingBlanks), signatures };
}

/** What a signature over these lines covers: each ended by CR LF, the last one by nothing. */
export function canonicalText(lines: readonly string[]): Uint8Array {
  return Buffer.from(lines.join('\r\n'), 'latin1');
}

function linesOf(text: string): string[] {
  return text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}

/** Not a regular expression: one would look at each run of blanks from each of its places. */
function withoutTrailingBlanks(line: string): string {
  let end = line.length;
  while (end > 0 && (line[end - 1] === ' ' || line[end - 1] === '\t')) end--;
  return line.slice(0, end);
}
