import type { End, WorldProcess } from './channel.ts';

const defaultTimeoutMs = 40_000;
const pollMs = 20;
const againMs = 500;

/** A person at a terminal, as script(1) makes one. Echo is on, so `shown` has what is typed, unless the program turned it off. */
export type Terminal = {
  /** Everything on the screen so far, `\r` left out. */
  readonly shown: () => string;
  /** Waits until the text after the last match shows `what`; answers the match. */
  readonly expect: (what: RegExp | string, timeoutMs?: number) => Promise<string>;
  /** Types text and Enter. */
  readonly answer: (text: string) => void;
  /** Types as it is: '\x03' is Ctrl-C. */
  readonly type: (keys: string) => void;
  readonly ended: (timeoutMs?: number) => Promise<End>;
  /** Ctrl-C at a prompt, as often as it takes: sudo shows it a moment before it reads, and one that comes in between waits for the next. */
  readonly interrupt: () => Promise<End>;
  readonly process: WorldProcess;
};

export function openTerminal(process: WorldProcess): Terminal {
  let seen = 0;
  const shown = (): string => process.output().stdout.replaceAll('\r', '');
  const expect: Terminal['expect'] = async (what, timeoutMs = defaultTimeoutMs) => {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
      const hasEnded = process.hasEnded();
      const text = shown().slice(seen);
      const found = typeof what === 'string' ? (text.includes(what) ? { at: text.indexOf(what), text: what } : undefined) : match(what, text);
      if (found !== undefined) {
        seen += found.at + found.text.length;
        return found.text;
      }
      if (hasEnded || Date.now() > deadline) throw new Error(`the terminal ${hasEnded ? 'ended without showing' : 'never showed'} ${what}; it showed:\n${shown()}`);
      await pause();
    }
  };
  const ended: Terminal['ended'] = async (timeoutMs = defaultTimeoutMs) => {
    const deadline = Date.now() + timeoutMs;
    while (!process.hasEnded()) {
      if (Date.now() > deadline) throw new Error(`the terminal's program did not end; it showed:\n${shown()}`);
      await pause();
    }
    return await process.ended;
  };
  return {
    shown,
    expect,
    answer: (text) => process.write(`${text}\n`),
    type: (keys) => process.write(keys),
    ended,
    async interrupt() {
      const again = setInterval(() => process.write('\x03'), againMs);
      process.write('\x03');
      try {
        return await ended();
      } finally {
        clearInterval(again);
      }
    },
    process,
  };
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, pollMs));
}

function match(what: RegExp, text: string): { readonly at: number; readonly text: string } | undefined {
  const found = what.exec(text);
  return found === null ? undefined : { at: found.index, text: found[0] };
}
