export function openApiText(): string;
export const openApiFile: string;
