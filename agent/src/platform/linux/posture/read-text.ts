import { constants, type FileHandle, open } from 'node:fs/promises';

const CHUNK = 16 * 1024;
const LARGEST = 1024 * 1024;

/** A small text of the system's, off the event loop; empty where there is no such file. Undefined: it cannot be read, or is large. */
export async function readText(path: string): Promise<string | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    return await readAll(file);
  } catch (error) {
    return Error.isError(error) && 'code' in error && error.code === 'ENOENT' ? '' : undefined;
  } finally {
    await file?.close();
  }
}

async function readAll(file: FileHandle): Promise<string | undefined> {
  const buffer = Buffer.allocUnsafe(CHUNK);
  let text = '';
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, CHUNK, null);
    if (bytesRead === 0) return text;
    text += buffer.toString('latin1', 0, bytesRead);
    if (text.length > LARGEST) return undefined;
  }
}
