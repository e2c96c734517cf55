import type { ServerContext } from '../context.ts';

export type PresenceDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'notices' | 'clock' | 'config' | 'log'>;

export interface Presence {
  /** Something was heard from the device. Written at most every few seconds. */
  seen(deviceId: string): Promise<void>;
  /** Looks for devices that have fallen silent. Runs by itself too. */
  sweep(): Promise<void>;
  close(): void;
}

const MAX_INTERVAL_MS = 60_000;
const MIN_INTERVAL_MS = 250;
const AT_ONCE = 500;

export function createPresence(deps: PresenceDeps): Presence {
  const { config, clock, log } = deps;
  const threshold = config.devices.silentAfter;
  const intervalMs = Math.min(MAX_INTERVAL_MS, Math.max(MIN_INTERVAL_MS, threshold / 4));
  const startedAt = clock();
  const lastWritten = new Map<string, number>();
  let isSweeping = false;

  const sweep = async (): Promise<void> => {
    if (isSweeping) return;
    isSweeping = true;
    try {
      const now = clock();
      for (const [id, time] of lastWritten) if (now - time > threshold) lastWritten.delete(id);
      // While this server was down it heard nobody: silence counts from its start.
      if (now - startedAt >= threshold) while ((await markSilent(deps, now - threshold)) === AT_ONCE);
    } finally {
      isSweeping = false;
    }
  };
  const timer = setInterval(() => {
    sweep().catch((error: unknown) => log.error({ err: error }, 'looking for silent devices failed'));
  }, intervalMs);
  timer.unref();
  return {
    sweep,
    async seen(deviceId) {
      const now = clock();
      if (now - (lastWritten.get(deviceId) ?? 0) < intervalMs / 2) return;
      lastWritten.set(deviceId, now);
      await markSeen(deps, deviceId, now);
    },
    close: () => clearInterval(timer),
  };
}

async function markSeen({ store, serverEvents, notices }: PresenceDeps, id: string, now: number): Promise<void> {
  const updated = await store.db.updateTable('devices').set({ last_seen_at: now }).where('id', '=', id).returning(['silent_since', 'name']).executeTakeFirst();
  if (updated === undefined || updated.silent_since === null) return;
  await serverEvents.transact(async (tx, record) => {
    const changed = await tx.updateTable('devices').set({ silent_since: null }).where('id', '=', id).where('silent_since', 'is not', null).executeTakeFirst();
    if (changed.numUpdatedRows === 0n) return;
    record({ type: 'device.returned', fields: { device: id } });
    await notices.record(tx, { kind: 'device-returned', device: { id, name: updated.name } });
  });
}

/** Several servers may look at once: the one whose update changes the row says it. Answers how many it looked at. */
async function markSilent({ store, serverEvents, notices, clock }: PresenceDeps, before: number): Promise<number> {
  const silent = await store.db.selectFrom('devices').select(['id', 'name', 'last_seen_at', 'enrolled_at']).where('state', '=', 'active').where('silent_since', 'is', null)
    .where((eb) => eb(eb.fn.coalesce('last_seen_at', 'enrolled_at'), '<', before)).limit(AT_ONCE).execute();
  if (silent.length === 0) return 0;
  await serverEvents.transact(async (tx, record) => {
    for (const { id, name, last_seen_at: seenAt, enrolled_at: enrolledAt } of silent) {
      const lastSeenAt = seenAt ?? enrolledAt;
      const changed = await tx.updateTable('devices').set({ silent_since: clock() }).where('id', '=', id).where('silent_since', 'is', null)
        .where((eb) => eb(eb.fn.coalesce('last_seen_at', 'enrolled_at'), '<', before)).executeTakeFirst();
      if (changed.numUpdatedRows === 0n) continue;
      record({ type: 'device.silent', fields: { device: id, lastSeenAt } });
      await notices.record(tx, { kind: 'device-silent', device: { id, name }, lastSeenAt });
    }
  });
  return silent.length;
}
