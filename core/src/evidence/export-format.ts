import * as z from 'zod';
import { toHex } from '../bytes.ts';
import { base64Of } from './base64.ts';
import type { EventWriter } from './event-types.ts';

/**
 * The export: lines of JSON, complete chains. First a header; then for each chain a `chain` line, its receipts, its events in
 * order; last an `end` line with the counts. Signed content is base64 of exactly the bytes that were signed, so the verifier
 * needs nothing but this file and the server's id. Receipts come first, so that a file cut short shows what is missing.
 */
export const exportLine = z.union([
  z.strictObject({ event: z.string() }),
  z.strictObject({ receipt: z.string() }),
  /** Chain id and first key in hexadecimal. What counts is the signed admission; the rest is for people and must agree. */
  z.strictObject({ chain: z.string(), device: z.string(), genesisKey: z.string(), writer: z.enum(['device', 'server']), admission: z.string() }),
  z.strictObject({ belay: z.literal('export/v1'), server: z.string(), rootKey: z.string(), roleKeys: z.string(), exportedAt: z.number() }),
  z.strictObject({ end: z.strictObject({ chains: z.number(), events: z.number(), receipts: z.number() }) }),
]);
export type ExportLine = z.infer<typeof exportLine>;

/** `rootKeySpki`: the root's public key, SPKI DER; `roleKeys`: the newest envelope. Times in ms. */
export function headerLine(header: { readonly serverId: Uint8Array; readonly rootKeySpki: Uint8Array; readonly roleKeys: Uint8Array; readonly nowMs: number }): string {
  return JSON.stringify({ belay: 'export/v1', server: toHex(header.serverId), rootKey: base64Of(header.rootKeySpki), roleKeys: base64Of(header.roleKeys), exportedAt: header.nowMs });
}

export type ExportChain = { readonly chain: Uint8Array; readonly device: string; readonly genesisKey: Uint8Array; readonly writer: EventWriter; readonly admission: Uint8Array };

/** `admission`: the envelope for the chain's first key; a server's own chain has one too, for the device "server". */
export function chainLine({ chain, device, genesisKey, writer, admission }: ExportChain): string {
  return JSON.stringify({ chain: toHex(chain), device, genesisKey: toHex(genesisKey), writer, admission: base64Of(admission) });
}

export function receiptLine(envelope: Uint8Array): string {
  return JSON.stringify({ receipt: base64Of(envelope) });
}

/** `encoded`: as stored, or redacted and encoded anew. */
export function eventLine(encoded: Uint8Array): string {
  return JSON.stringify({ event: base64Of(encoded) });
}

export function endLine(counts: { readonly chains: number; readonly events: number; readonly receipts: number }): string {
  return JSON.stringify({ end: { chains: counts.chains, events: counts.events, receipts: counts.receipts } });
}

/** Undefined unless it is exactly what the functions above write: one meaning, one line. */
export function parseExportLine(text: string): ExportLine | undefined {
  try {
    const parsed = exportLine.safeParse(JSON.parse(text));
    return parsed.success && JSON.stringify(parsed.data) === text ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
