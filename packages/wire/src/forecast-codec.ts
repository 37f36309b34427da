/** The header and the windows of an uploaded batch of forecasts between protobuf and the domain. */
import { admit, demandQuantiles, fault, ok, refuse, pointerOf, type Result } from "@sluice/model";
import { z } from "zod";
import * as wire from "../generated/sluice/v1/demand_service.js";
import { present } from "./field.js";

/** Longest window that a forecast may speak of, seconds: a leap year. */
export const forecastWindowSecondsMax = 366 * 86_400;

export type ForecastQuantile = (typeof demandQuantiles)[number];

export interface ForecastWindow {
  /** ISO 8601, UTC. */
  readonly windowStart: string;
  readonly windowSeconds: number;
  readonly quantile: ForecastQuantile;
}

export interface ForecastHeader {
  readonly batchId: string;
  readonly name: string;
  /** That of the first demands; absent where a window comes before them. */
  readonly window?: ForecastWindow | undefined;
  /** Demands that are durable: the stream has those that follow. Absent where the batch begins anew. */
  readonly resumeAt?: number | undefined;
}

/** Years 1970 to 9999: what ISO 8601 writes with four digits and batch jobs mean. */
const secondsMax = 253_402_300_799n;

const headerSchema = z.strictObject({
  batchId: z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/, "must be 1 to 128 letters, digits or . _ : -"),
  name: z.string().min(1).max(256),
  resumeAt: z
    .bigint()
    .max(BigInt(Number.MAX_SAFE_INTEGER))
    .transform((rows) => Number(rows))
    .optional(),
});

const windowSchema = z.strictObject({
  windowStart: z
    .strictObject({ seconds: z.bigint().min(0n).max(secondsMax), nanos: z.int().min(0).max(999_999_999) })
    .transform(({ seconds, nanos }) => new Date(Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000)).toISOString()),
  windowSeconds: z.int().min(1).max(forecastWindowSecondsMax),
});

const quantileToWire: Readonly<Record<ForecastQuantile, wire.Quantile>> = {
  p50: wire.Quantile.QUANTILE_P50,
  p75: wire.Quantile.QUANTILE_P75,
  p90: wire.Quantile.QUANTILE_P90,
  p95: wire.Quantile.QUANTILE_P95,
  p99: wire.Quantile.QUANTILE_P99,
};

/** What is not specified is the median. */
function quantileFromWire(quantile: wire.Quantile, at: readonly PropertyKey[]): Result<ForecastQuantile> {
  if (quantile === wire.Quantile.QUANTILE_UNSPECIFIED) return ok("p50");
  const found = demandQuantiles.find((name) => quantileToWire[name] === quantile);
  const pointer = pointerOf([...at, "quantile"]);
  return found === undefined ? refuse(fault("not-allowed", `${pointer}: this version knows no such quantile.`, { pointer })) : ok(found);
}

export function forecastHeaderToWire({ batchId, name, window, resumeAt }: ForecastHeader): wire.ForecastHeader {
  const { windowStart, windowSeconds, quantile } =
    window === undefined
      ? { windowStart: undefined, windowSeconds: undefined, quantile: wire.Quantile.QUANTILE_UNSPECIFIED }
      : forecastWindowToWire(window);
  return { batchId, name, windowStart, windowSeconds, quantile, resumeAt: resumeAt === undefined ? undefined : BigInt(resumeAt) };
}

/** Times are kept to the millisecond. */
export function forecastHeaderFromWire(message: wire.ForecastHeader, at: readonly PropertyKey[] = ["header"]): Result<ForecastHeader> {
  const { batchId, name, windowStart, windowSeconds, quantile, resumeAt } = message;
  const admitted = admit(headerSchema, { batchId: present(batchId), name: present(name), ...(resumeAt !== undefined && { resumeAt }) }, at);
  if (!admitted.ok) return admitted;
  const header = { ...admitted.value };
  if (windowStart === undefined && windowSeconds === undefined) return ok(header);
  const window = forecastWindowFromWire({ windowStart, windowSeconds, quantile }, at);
  return window.ok ? ok({ ...header, window: window.value }) : window;
}

export function forecastWindowToWire({ windowStart, windowSeconds, quantile }: ForecastWindow): wire.ForecastWindow {
  const ms = Date.parse(windowStart);
  const seconds = Math.floor(ms / 1_000);
  return {
    windowStart: { seconds: BigInt(seconds), nanos: (ms - seconds * 1_000) * 1_000_000 },
    windowSeconds,
    quantile: quantileToWire[quantile],
  };
}

export function forecastWindowFromWire(message: wire.ForecastWindow, at: readonly PropertyKey[] = ["window"]): Result<ForecastWindow> {
  const { windowStart, windowSeconds } = message;
  const admitted = admit(windowSchema, { windowStart, windowSeconds }, at);
  if (!admitted.ok) return admitted;
  const quantile = quantileFromWire(message.quantile, at);
  return quantile.ok ? ok({ ...admitted.value, quantile: quantile.value }) : quantile;
}
