/** Bodies that tell of plans. */
import { gapMaxMost, objectiveNames, rungs, solverNames, tunnelPolicyKinds } from "@sluice/model";
import { z } from "zod";
import { flowGroup } from "./flow-group.js";
import { count, id, instant, nextCursor, rate, trafficClassSchema } from "./network.js";
import { faultSchema } from "./problem.js";
import { classGuaranteeSchema, protectionSettings, protectionSettingsChange } from "./protection.js";

const seconds = z.number().min(0);
export const rungSchema = z
  .enum(rungs)
  .meta({ id: "Rung", description: "How good the answer is: optimal, feasible (not proven), greedy, or kept from before." });
const hash = z.string().meta({ description: "SHA-256, hex." });
export const timingsSchema = z.record(z.string(), seconds).meta({ id: "Timings", description: "Seconds by stage." });
const objective = z.enum(objectiveNames);

export const certificateSchema = z
  .strictObject({
    objective,
    sense: z.enum(["maximize", "minimize"]),
    unit: z.enum(["bps", "bps*ms", "1"]),
    value: z.number(),
    bound: z.number().optional().meta({ description: "No answer is better than this; follows from the prices by weak duality." }),
    gap: z.number().optional().meta({ description: "|bound - value| relative to the larger one." }),
    linkPrices: z
      .array(z.strictObject({ linkId: id, price: z.number() }))
      .meta({ description: "Dual prices of capacity; zeros left out." }),
  })
  .meta({ id: "Certificate" });

export const classPlanSchema = z
  .strictObject({
    trafficClass: trafficClassSchema,
    rung: rungSchema,
    solver: z.string(),
    demandBps: rate,
    allottedBps: rate,
    admittedBps: rate,
    certificate: certificateSchema,
    notes: z.array(z.string()),
    guarantee: classGuaranteeSchema
      .optional()
      .meta({ description: "What the class is promised and what that costs; absent where that is nothing." }),
  })
  .meta({ id: "ClassPlan" });

export const checkReportSchema = z
  .strictObject({
    verdict: z.enum(["pass", "fail"]),
    checked: z.record(z.string(), z.number()),
    violations: z.array(faultSchema),
    utilizationMax: z.number(),
  })
  .meta({ id: "CheckReport", description: "What an independent checker says." });

export const tunnelGroupSchema = flowGroup
  .extend({
    demandBps: rate,
    admittedBps: rate,
    members: z.array(z.strictObject({ tunnelId: id, allottedBps: rate, weight: count })),
  })
  .meta({ id: "TunnelGroup", description: "The weighted tunnels of one flow group." });

const summaryFields = {
  epoch: count,
  term: count,
  createdAt: instant,
  inForce: z.boolean().meta({ description: "Whether every switch was last programmed with this plan." }),
  cycleInputHash: hash.meta({ description: "Of topology, demands, settings and assignments that it was computed from." }),
  timings: timingsSchema,
  rulesDigest: z.string(),
  ruleCount: count,
  rung: rungSchema,
  demandBps: rate,
  admittedBps: rate,
  utilizationMax: z.number(),
};

export const planSummarySchema = z.strictObject(summaryFields).meta({ id: "PlanSummary" });
export const plansSchema = z.strictObject({ items: z.array(planSummarySchema), nextCursor }).meta({ id: "PlanPage" });

export const planSchema = z
  .strictObject({
    ...summaryFields,
    inputHash: hash,
    classes: z.array(classPlanSchema),
    check: checkReportSchema,
    tunnelCount: count,
    groupCount: count,
    unroutable: z.array(flowGroup).meta({ description: "Demands for which there is no tunnel." }),
    softDrained: z
      .enum(["avoided", "used"])
      .optional()
      .meta({ description: "Where something is soft-drained: nothing uses it, or some traffic does because nothing else carries it." }),
    tunnels: z.array(z.strictObject({ id, src: id, dst: id, path: z.array(id) })).optional(),
    groups: z.array(tunnelGroupSchema).optional(),
  })
  .meta({ id: "Plan" });

/** More may be told as explanations learn to say more. */
const demandExplanationSchema = z
  .looseObject({
    flowGroup,
    demandBps: rate,
    admittedBps: rate,
    rejectedShare: z.number(),
    reason: z.string().meta({ description: "met, no-demand, capacity, quantization, latency-bound, drained-or-down or disconnected." }),
    tunnels: z.array(
      z.looseObject({
        tunnelId: id,
        path: z.array(id),
        latencyMs: z.number(),
        rateBps: rate,
        price: z.number(),
        bottleneck: z.looseObject({ linkId: id, price: z.number(), spareBps: z.number(), capacityBps: rate }),
      }),
    ),
    unusable: z.array(z.string()),
    sentence: z.string(),
  })
  .meta({ id: "DemandExplanation" });

const linkExplanationSchema = z
  .looseObject({
    linkId: id,
    capacityBps: rate,
    loadBps: rate,
    utilization: z.number(),
    extraBps: rate.meta({ description: "The additional capacity that the sentences are about." }),
    classes: z.array(
      z.looseObject({
        trafficClass: trafficClassSchema,
        objective,
        price: z.number().optional(),
        gainMax: z.number().optional(),
        sentence: z.string(),
      }),
    ),
    sentence: z.string(),
  })
  .meta({ id: "LinkExplanation" });

export const explanationSchema = z
  .union([demandExplanationSchema, linkExplanationSchema])
  .meta({ id: "Explanation", description: "What binds a demand, or what a link's capacity is worth, in numbers and in words." });

const settingsFields = {
  objective: z.union([objective, z.strictObject({ interactive: objective, elastic: objective, bulk: objective })]),
  tunnels: z.strictObject({ kind: z.enum(tunnelPolicyKinds), k: count, latencyMsMax: z.number().optional() }),
  solver: z.enum(solverNames),
  gapMax: z.number().positive().max(gapMaxMost).meta({ description: "Relative gap between value and bound that is good enough." }),
  deadlineSeconds: seconds,
  splitWeightSumMax: count,
  updateSlack: z.number().min(0),
  protection: protectionSettings.optional().meta({ description: "What is promised when something fails; absent: nothing." }),
};

export const settingsSchema = z
  .strictObject({ version: count.meta({ description: "0 while the defaults hold." }), ...settingsFields })
  .meta({ id: "Settings" });

export const settingsChangeSchema = z
  .strictObject({ ...settingsFields, protection: protectionSettingsChange })
  .partial()
  .meta({ id: "SettingsChange", description: "The fields to change." });
