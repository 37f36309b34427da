/** The header of an uploaded forecast between protobuf and the domain. */
import { admit, idLengthMax, type Result } from "@sluice/model";
import { z } from "zod";
import type * as wire from "../generated/sluice/v1/demand_service.js";
import { present } from "./field.js";

/** Longest window that a forecast may speak of, seconds: a leap year. */
export const forecastWindowSecondsMax = 366 * 86_400;

export interface ForecastHeader {
  readonly batchId: string;
  /** ISO 8601, UTC. */
  readonly windowStart: string;
  readonly windowSeconds: number;
  readonly name: string;
}

/** Years 1970 to 9999: what ISO 8601 writes with four digits and batch jobs mean. */
const secondsMax = 253_402_300_799n;

const headerSchema = z.strictObject({
  batchId: z
    .string()
    .min(1)
    .max(idLengthMax)
    .regex(/^[^\p{Cc}\p{Zl}\p{Zp}]+$/u, "must be printable"),
  windowStart: z
    .strictObject({ seconds: z.bigint().min(0n).max(secondsMax), nanos: z.int().min(0).max(999_999_999) })
    .transform(({ seconds, nanos }) => new Date(Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000)).toISOString()),
  windowSeconds: z.number().positive().max(forecastWindowSecondsMax),
  name: z.string().min(1).max(256),
});

export function forecastHeaderToWire({ batchId, windowStart, windowSeconds, name }: ForecastHeader): wire.ForecastHeader {
  const ms = Date.parse(windowStart);
  const seconds = Math.floor(ms / 1_000);
  return { batchId, windowStart: { seconds: BigInt(seconds), nanos: (ms - seconds * 1_000) * 1_000_000 }, windowSeconds, name };
}

/** Times are kept to the millisecond. */
export function forecastHeaderFromWire(message: wire.ForecastHeader, at: readonly PropertyKey[] = ["header"]): Result<ForecastHeader> {
  const { batchId, windowStart, windowSeconds, name } = message;
  return admit(headerSchema, { batchId: present(batchId), windowStart, windowSeconds, name: present(name) }, at);
}
