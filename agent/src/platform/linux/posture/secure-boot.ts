import { type FileHandle, open } from 'node:fs/promises';

const GLOBAL = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
const SHIM = '605dab50-e046-4300-abb6-3dd810dd8b23';
/** Four bytes of attributes before the value; see Linux's efivarfs. */
const ATTRIBUTES_BYTES = 4;

/**
 * UEFI Secure Boot as the firmware had it when this system started, as the kernel itself reckons it: on, not in set-up mode, and shim
 * not told to let everything pass. Undefined: no UEFI, or its variables cannot be read.
 */
export async function readSecureBoot(sys: string = '/sys'): Promise<boolean | undefined> {
  const variable = (name: string): Promise<number | 'absent' | undefined> => readByte(`${sys}/firmware/efi/efivars/${name}`);
  const [secure, setup, shimLetsAllPass] = await Promise.all([variable(`SecureBoot-${GLOBAL}`), variable(`SetupMode-${GLOBAL}`), variable(`MokSBStateRT-${SHIM}`)]);
  if (secure === 0 || setup === 1 || (secure === 1 && shimLetsAllPass === 1)) return false;
  return secure === 1 && setup === 0 && (shimLetsAllPass === 0 || shimLetsAllPass === 'absent') ? true : undefined;
}

/** A variable of one byte. */
async function readByte(path: string): Promise<number | 'absent' | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, 'r');
    const buffer = Buffer.alloc(ATTRIBUTES_BYTES + 2);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    return bytesRead === ATTRIBUTES_BYTES + 1 ? buffer.readUInt8(ATTRIBUTES_BYTES) : undefined;
  } catch (error) {
    return Error.isError(error) && 'code' in error && error.code === 'ENOENT' ? 'absent' : undefined;
  } finally {
    await file?.close();
  }
}
