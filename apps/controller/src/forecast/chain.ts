/**
 * Which windows of which batches count, from now on: for each time the newest batch that is good for it. A window that is quarantined
 * counts for nothing, so the batch before it does.
 */
import type { ForecastAbsence } from "@sluice/control";
import { ok, type Result } from "@sluice/model";
import { quantiles, type ForecastStore, type ForecastWindowKey, type FoundForecastWindow, type Quantile } from "@sluice/store";

export interface ChainWindow {
  readonly batchId: string;
  readonly batchCompletedAt: string;
  readonly windowStart: string;
  readonly windowSeconds: number;
  /** Those that the batch has for the window, lowest first. */
  readonly quantiles: readonly Quantile[];
}

export interface Chain {
  /** By start; none begins before the one before it ends. */
  readonly windows: readonly ChainWindow[];
  /** Why none is of now. */
  readonly absence: ForecastAbsence;
}

/** Windows and quantiles, of all batches together, that are looked at: those that begin first. */
const candidatesMax = 25_000;
/** How far back a forecast that has ended is told from none at all, ms: two weeks. */
const staleMs = 14 * 86_400_000;

interface Candidate extends ChainWindow {
  readonly startMs: number;
  readonly endMs: number;
}

/** At most `count` windows between now and `aheadMs` later. Faults: those of the store. */
export async function chainOf(
  store: Pick<ForecastStore, "listForecastWindows">,
  { nowMs, aheadMs, count }: { readonly nowMs: number; readonly aheadMs: number; readonly count: number },
): Promise<Result<Chain>> {
  const range = { from: isoTime(nowMs), to: isoTime(nowMs + aheadMs), limit: candidatesMax };
  const found = await store.listForecastWindows(range);
  if (!found.ok) return found;
  const ready = candidatesOf(found.value.filter(({ state }) => state === "ready"));
  const windows = linked(ready, nowMs, count);
  const isNow = windows[0] !== undefined && windows[0].startMs <= nowMs;
  if (isNow) return ok({ windows, absence: "none" });
  const isQuarantined = found.value.some(({ state, windowStart }) => state === "quarantined" && Date.parse(windowStart) <= nowMs);
  if (isQuarantined) return ok({ windows, absence: "quarantined" });
  const past = await store.listForecastWindows({ from: isoTime(nowMs - staleMs), to: isoTime(nowMs), limit: 1 });
  return past.ok ? ok({ windows, absence: past.value.length > 0 ? "stale" : "none" }) : past;
}

/** Quantiles of one window of one batch together. */
function candidatesOf(found: readonly FoundForecastWindow[]): readonly Candidate[] {
  const candidates = new Map<string, Candidate & { quantiles: Quantile[] }>();
  for (const { batchId, batchCompletedAt, windowStart, windowSeconds, quantile } of found) {
    const key = `${batchId} ${windowStart} ${windowSeconds}`;
    const startMs = Date.parse(windowStart);
    const known = candidates.get(key) ?? {
      batchId,
      batchCompletedAt,
      windowStart,
      windowSeconds,
      startMs,
      endMs: startMs + windowSeconds * 1_000,
      quantiles: [],
    };
    known.quantiles.push(quantile);
    candidates.set(key, known);
  }
  for (const each of candidates.values()) each.quantiles.sort((a, b) => quantiles.indexOf(a) - quantiles.indexOf(b));
  return [...candidates.values()];
}

/** From now on, at each time the window of the newest batch, of its shortest where several are of that time. */
function linked(candidates: readonly Candidate[], nowMs: number, count: number): readonly Candidate[] {
  const chain: Candidate[] = [];
  for (let at = nowMs; chain.length < count;) {
    const now = at;
    const here = candidates.filter(({ startMs, endMs }) => startMs <= now && now < endMs);
    const best = here.sort(compareCandidates)[0];
    if (best !== undefined) {
      chain.push(best);
      at = best.endMs;
      continue;
    }
    const next = candidates.reduce((least, { startMs }) => (startMs > now ? Math.min(least, startMs) : least), Infinity);
    if (next === Infinity) break;
    at = next;
  }
  return chain;
}

function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    compare(b.batchCompletedAt, a.batchCompletedAt) ||
    a.windowSeconds - b.windowSeconds ||
    b.startMs - a.startMs ||
    compare(a.batchId, b.batchId)
  );
}

export function keyOfWindow({ windowStart, windowSeconds }: ChainWindow, quantile: Quantile): ForecastWindowKey {
  return { windowStart, windowSeconds, quantile };
}

function isoTime(ms: number): string {
  return new Date(Math.max(0, ms)).toISOString();
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
