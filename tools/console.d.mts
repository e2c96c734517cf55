export const consoleOutput: string;
export function ensureConsole(): string;
