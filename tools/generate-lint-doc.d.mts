export function lintDocument(): string;
export const lintFile: string;
