export function belayctlDocument(): string;
export const belayctlFile: string;
