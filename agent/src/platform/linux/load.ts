import { availableParallelism } from 'node:os';
import { readKernelFile } from './lineage-proc.ts';

/** Of proc(5), loadavg: how many processes and threads run or could at this moment, the reader among them. Undefined: not to be told. */
export function parseRunning(loadavg: string): number | undefined {
  const running = /^(?:[0-9.]+ ){3}([0-9]{1,9})\/[0-9]+ /.exec(loadavg)?.[1];
  return running === undefined ? undefined : Number(running);
}

/** Whether there are processors enough for all that runs at this moment, the caller included. What cannot be told is no. */
export function hasSpareProcessor(loadavg: string = readKernelFile('/proc/loadavg') ?? '', processors: number = availableParallelism()): boolean {
  return (parseRunning(loadavg) ?? Number.POSITIVE_INFINITY) <= processors;
}
