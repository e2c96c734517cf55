export function errorsDocument(): string;
export const errorsFile: string;
export const remedies: Readonly<Record<string, string>>;
