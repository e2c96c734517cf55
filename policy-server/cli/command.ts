import { type Command, Option } from 'commander';
import { Ended, EXIT_CODES, type ExitName } from './exit-codes.ts';

export type OutputOptions = { readonly json?: boolean | undefined; readonly output?: 'table' | 'json' | undefined };

/** A command that can print JSON. `about`: one sentence; `examples`: what people will want to copy. */
export function define(parent: Command, name: string, about: string, examples: readonly string[]): Command {
  return parent.command(name).summary(about).description(about)
    .option('--json', 'print JSON, for scripts')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['table', 'json']))
    .addHelpText('after', examples.length === 0 ? '' : `\nExamples:\n${examples.map((line) => `  ${line}`).join('\n')}`);
}

export function group(parent: Command, name: string, about: string): Command {
  return parent.command(name).summary(about).description(about).helpCommand(false);
}

export function wantsJson({ json, output }: OutputOptions): boolean {
  return json === true || output === 'json';
}

/** JSON escapes every control character, so it is safe on a terminal as it is; format characters are escaped too. */
export function jsonText(value: unknown): string {
  const text = JSON.stringify(value, null, 2);
  // SECURITY(T-29): bidirectional and other format characters could make a line read as another.
  return `${text.replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => [...Array(character.length).keys()].map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join(''))}\n`;
}

export function print(options: OutputOptions, value: unknown, text: () => string): void {
  process.stdout.write(wantsJson(options) ? jsonText(value) : text());
}

/** One line on stderr, for people only: scripts read stdout. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Runs what a command does and ends with its code. A fault of ours is told as one. */
export function running<A extends readonly unknown[]>(act: (...args: A) => Promise<ExitName | void>): (...args: A) => Promise<void> {
  return async (...args) => {
    try {
      const [code] = EXIT_CODES[(await act(...args)) ?? 'done'];
      process.exitCode = code;
    } catch (error) {
      if (!(error instanceof Ended)) throw error;
      if (error.message !== '') note(`${error.before}belayctl: ${error.message}`);
      process.exitCode = EXIT_CODES[error.exit][0];
    }
  };
}

/** A counter on the terminal for things that take long; silent when stderr is no terminal. */
export function createProgress(what: string): { readonly add: (count: number) => void; readonly end: () => void } {
  const { stderr } = process;
  let done = 0;
  let shownAt = 0;
  return {
    add(count) {
      done += count;
      if (!stderr.isTTY || Date.now() - shownAt < 200) return;
      shownAt = Date.now();
      stderr.write(`\r${done.toLocaleString('en')} ${what}`);
    },
    end() {
      if (stderr.isTTY && shownAt > 0) stderr.write('\r\u001b[K');
    },
  };
}
