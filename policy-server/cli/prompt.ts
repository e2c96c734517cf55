import { readFileSync } from 'node:fs';
import { Ended } from './exit-codes.ts';

const MAX_SECRET = 4096;

/** The first line of a file, or of stdin for "-". */
export async function secretFrom(file: string): Promise<string> {
  if (file === '-') return firstLine(process.stdin);
  try {
    return (readFileSync(file, 'utf8').split('\n')[0] ?? '').replace(/\r$/, '');
  } catch (error) {
    throw new Ended('usage', `The password file cannot be read: ${(error as Error).message}`);
  }
}

/** Asked on the terminal, unseen; read from stdin when that is no terminal. */
export async function askSecret(question: string): Promise<string> {
  return process.stdin.isTTY ? typed(question, false) : firstLine(process.stdin);
}

export async function askLine(question: string): Promise<string> {
  if (!process.stdin.isTTY) throw new Ended('usage', `${question.trim()} is needed, and there is no terminal to ask on.`);
  return typed(question, true);
}

async function firstLine(input: NodeJS.ReadStream): Promise<string> {
  let text = '';
  for await (const chunk of input) {
    text += String(chunk);
    if (text.includes('\n') || text.length > MAX_SECRET) break;
  }
  return (text.split('\n')[0] ?? '').replace(/\r$/, '');
}

const ENTER = new Set(['\r', '\n']);
const [CTRL_C, CTRL_D, CTRL_U, BACKSPACE, DELETE] = ['\u0003', '\u0004', '\u0015', '\b', '\u007f'];

/** In raw mode the terminal shows nothing of what is typed. */
function typed(question: string, shown: boolean): Promise<string> {
  const { stdin, stderr } = process;
  // Before the question: who types fast must not be seen either.
  stdin.setRawMode(true);
  stderr.write(question);
  stdin.setEncoding('utf8');
  return new Promise((resolve, reject) => {
    let text = '';
    const finish = (settle: () => void): void => {
      stdin.setRawMode(false);
      stdin.pause();
      stdin.removeAllListeners('data');
      stderr.write('\n');
      settle();
    };
    stdin.on('data', (chunk) => {
      for (const key of String(chunk)) {
        if (ENTER.has(key) || key === CTRL_D) return finish(() => resolve(text));
        if (key === CTRL_C) return finish(() => reject(new Ended('failed', 'Cancelled.')));
        if (key === BACKSPACE || key === DELETE) {
          if (shown && text !== '') stderr.write('\b \b');
          text = Array.from(text).slice(0, -1).join('');
        } else if (key === CTRL_U) {
          text = '';
        } else if (key >= ' ' && text.length < MAX_SECRET) {
          if (shown) stderr.write(key);
          text += key;
        }
      }
    });
    stdin.resume();
  });
}
