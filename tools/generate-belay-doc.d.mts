export function belayDocument(): string;
export const belayFile: string;
