/** Bodies about forecasts: batches, their windows, and the look ahead. */
import { demandQuantiles, trafficClasses } from "@sluice/model";
import { forecastStates } from "@sluice/store";
import { z } from "zod";
import { count, id, instant, rate, trafficClassSchema } from "./network.js";
import { faultSchema } from "./problem.js";

export const batchIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9._:-]{1,128}$/, "must be 1 to 128 letters, digits or . _ : -")
  .meta({ description: "1 to 128 letters, digits or `. _ : -`; the client's own." });

export const quantileSchema = z.enum(demandQuantiles);

const batch = z.strictObject({
  batchId: id,
  name: z.string(),
  state: z.enum(forecastStates).meta({
    description:
      "receiving: rows are still to come; ready: its windows count; quarantined: those windows count that are not quarantined; refused: rows were wrong, and nothing of it counts.",
  }),
  by: z.string().optional(),
  startedAt: instant,
  completedAt: instant.optional(),
  rows: count.meta({ description: "Durable rows: an upload that was interrupted goes on there." }),
  line: count.meta({ description: "The line of the last durable row, in the upload as one piece." }),
  chunks: count,
  errorCount: count,
  contentHash: z.string().optional().meta({ description: "SHA-256 of what it holds, the same in whatever order and pieces it came." }),
  windows: count.meta({ description: "Windows, each quantile counted." }),
  windowsQuarantined: count,
  firstWindowStart: instant.optional(),
  lastWindowEnd: instant.optional(),
  releasedAt: instant.optional(),
  releasedBy: z.string().optional(),
});

export const forecastBatchSchema = batch
  .extend({ errors: z.array(faultSchema).meta({ description: "The first 1,000, with pointers `/line/N/FIELD`." }) })
  .meta({ id: "ForecastBatch" });

export const forecastBatchesSchema = z
  .strictObject({ total: count, items: z.array(batch.meta({ id: "ForecastBatchSummary" })).meta({ description: "Newest first." }) })
  .meta({ id: "ForecastBatchPage" });

export const forecastWindowSchema = z
  .strictObject({
    windowStart: instant,
    windowSeconds: count,
    quantile: quantileSchema,
    state: z.enum(["ready", "quarantined"]),
    flowGroups: count,
    rateBps: rate.meta({ description: "Of all flow groups together." }),
    reasons: z
      .array(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])))
      .meta({ description: "Why it is, or was, quarantined: what is outside of its band, and the band." }),
  })
  .meta({ id: "ForecastWindow" });

export const forecastWindowsSchema = z
  .strictObject({ total: count, items: z.array(forecastWindowSchema), nextCursor: z.string().optional() })
  .meta({ id: "ForecastWindowPage" });

export const removedSchema = z.strictObject({ batchId: id, removed: z.literal(true) }).meta({ id: "ForecastRemoved" });

export const outlookSchema = z
  .strictObject({
    state: z
      .enum(["none", "computing", "ready"])
      .meta({ description: "none: nobody has looked yet; computing: a newer look is under way." }),
    computedAt: instant.optional(),
    basis: z.strictObject({ topologyVersion: count, settingsVersion: count }).optional(),
    fault: faultSchema.optional().meta({ description: "Why windows are missing." }),
    windows: z
      .array(
        z.strictObject({
          batchId: id,
          windowStart: instant,
          windowSeconds: count,
          quantile: quantileSchema,
          otherQuantile: count.meta({ description: "Flow groups that lack the quantile, and are taken at another one." }),
          fits: z.boolean().meta({ description: "Whether every class is admitted in full." }),
          classes: z
            .array(
              z.strictObject({
                trafficClass: trafficClassSchema,
                demandBps: rate,
                admittedBps: rate,
                admittedShare: z.number().min(0).max(1),
              }),
            )
            .length(trafficClasses.length),
          link: z
            .strictObject({ linkId: id, utilization: z.number().min(0) })
            .optional()
            .meta({ description: "The first link to fill." }),
          rung: z.enum(["optimal", "feasible", "greedy", "kept"]),
        }),
      )
      .meta({ description: "By start." }),
  })
  .meta({ id: "Outlook" });
