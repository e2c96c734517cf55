import { readFileSync } from 'node:fs';

/** 0 done, 1 failed, 2 wrong usage or configuration. */
export const EXIT = { done: 0, failed: 1, usage: 2 } as const;

/** What a person did wrong or can mend: shown without a stack. */
export class UserError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.exitCode = exitCode;
  }
}

export function print(...lines: readonly string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`);
}

/** The first line of a file: a password or passphrase. Never taken from the command line, which others can read. */
export function readSecret(file: string, what: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`the ${what} cannot be read from ${file} (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`, EXIT.usage);
  }
  const secret = text.split(/\r?\n/, 1)[0] ?? '';
  if (secret === '') throw new UserError(`${file} holds no ${what}: its first line is empty`, EXIT.usage);
  return secret;
}
