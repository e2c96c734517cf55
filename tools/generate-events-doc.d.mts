export function eventsDocument(): string;
export const eventsFile: string;
