import type { Inventory } from '@belay/proto/fleet';
import { inertText } from '../features/events/event-row.ts';

const MAX_TEXT = 256;

/** JSON for the device's row: shown, never acted on. */
export function inventoryText(inventory: Inventory | undefined): string {
  if (inventory === undefined) return '{}';
  const text = (value: string): string => inertText(value).slice(0, MAX_TEXT);
  const memory = Number(inventory.memoryBytes);
  return JSON.stringify({
    osName: text(inventory.osName), osVersion: text(inventory.osVersion), kernel: text(inventory.kernel), architecture: text(inventory.architecture),
    vendor: text(inventory.vendor), model: text(inventory.model), serial: text(inventory.serial), agentVersion: text(inventory.agentVersion),
    memoryBytes: Number.isSafeInteger(memory) ? memory : 0, cpuCores: inventory.cpuCores,
  });
}
