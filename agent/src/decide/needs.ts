import type { PolicySet } from '@belay/core/policy';
import type { Ahead } from '../platform/platform.ts';

/** Of the device condition: what the manifest says already. */
const TOLD: ReadonlySet<string> = new Set(['groups', 'labels']);
const POSTURE_FACT = /\bdevice\s*\.\s*(?!(?:id|name|groups|labels)\b)|\bdevice\b(?!\s*\.)/;

/**
 * What decisions under these rules will ask of the device that takes time to read, and what those who approve are shown. A word too many
 * only reads more than is needed.
 */
export function needsOf({ rules }: PolicySet): Ahead {
  const isShown = rules.some(({ demands }) => demands.approval.length > 0);
  return {
    packages: isShown || rules.some(({ targets, exceptions, when }) => [...targets, ...exceptions].some((target) => target.package !== undefined) || /\bpkg\b/.test(when?.source ?? '')),
    posture: isShown || rules.some(({ circumstances, when }) => Object.entries(circumstances?.source.device ?? {}).some(([name, wanted]) => wanted !== undefined && !TOLD.has(name)) || POSTURE_FACT.test(when?.source ?? '')),
  };
}
