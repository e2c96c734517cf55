import type { MessageInitShape } from '@bufbuild/protobuf';
import type { InventorySchema } from '@belay/proto/fleet';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeDurably } from './identity.ts';

export type Inventory = MessageInitShape<typeof InventorySchema>;

export type InventorySource = {
  readonly read: () => Promise<Inventory>;
  /** What to report, or undefined when the server `serverId` was told just this before. */
  readonly changed: (device: string) => Promise<{ readonly inventory: Inventory; readonly reported: () => void } | undefined>;
};

const readTimeoutMs = 15_000;

/** Describes the machine; never decides anything. What cannot be found out is left empty. */
export function createInventory(folder: string, agentVersion: string): InventorySource {
  const file = join(folder, 'inventory.sha256');
  const read = async (): Promise<Inventory> => ({ ...(await withTimeout(describe(), readTimeoutMs)), agentVersion });
  return {
    read,
    changed: async (device) => {
      const inventory = await read();
      const digest = createHash('sha256').update(JSON.stringify([device, inventory], (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value))).digest('hex');
      return digest === contentOf(file) ? undefined : { inventory, reported: () => writeDurably(file, digest) };
    },
  };
}

async function describe(): Promise<Inventory> {
  // Large, and wanted once a day.
  const { default: system } = await import('systeminformation');
  const [os, machine, cpu, memory] = await Promise.all([system.osInfo(), system.system(), system.cpu(), system.mem()]);
  return {
    osName: os.distro, osVersion: os.release, kernel: os.kernel, architecture: os.arch, vendor: machine.manufacturer, model: machine.model,
    serial: machine.serial, memoryBytes: BigInt(memory.total), cpuCores: cpu.cores,
  };
}

async function withTimeout(described: Promise<Inventory>, timeoutMs: number): Promise<Inventory> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Inventory>((resolve) => { timer = setTimeout(() => resolve({}), timeoutMs); });
  try {
    return await Promise.race([described.catch(() => ({})), late]);
  } finally {
    clearTimeout(timer);
  }
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
