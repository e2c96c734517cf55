export function policyReference(): string;
export function factNames(): readonly (readonly [name: string, type: string])[];
export const policyReferenceFile: string;
export const factMeanings: Readonly<Record<string, string>>;
export function notEnforced(): readonly string[];
