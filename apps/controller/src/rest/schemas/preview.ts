/** Bodies of previews, what-ifs, path checks and differences, and of the jobs that compute them. */
import { layerNames } from "@sluice/failures";
import {
  confirmWithinSecondsMax,
  failureKinds,
  latencyMsSchema,
  nodeIdSchema,
  rateBpsMax,
  trafficClassSchema as trafficClassInput,
} from "@sluice/model";
import { inputChangesSchema, whatIfChangesSchema } from "@sluice/preview";
import { z } from "zod";
import { jobKinds, jobStates } from "../jobs.js";
import { flowGroup } from "./flow-group.js";
import { layerSchema } from "./failures.js";
import { count, id, instant, rate, trafficClassSchema } from "./network.js";
import { rungSchema, timingsSchema } from "./plan.js";
import { faultSchema } from "./problem.js";
import { rateByClass } from "./protection.js";

/** Pairs of cables that the failure report of a preview looks at: of two plans each. */
const pairsMax = 1_000;

export const failuresAskedSchema = z
  .strictObject({
    kinds: z
      .array(z.enum(failureKinds))
      .max(failureKinds.length)
      .optional()
      .meta({ description: "Without it those of the plan's settings." }),
    layers: z.array(z.enum(layerNames)).min(1).max(layerNames.length).default(["unrepaired", "local-repair", "scenario-split"]),
    pairs: z.int().min(1).max(pairsMax).optional(),
    seed: z
      .int()
      .min(0)
      .max(2 ** 31 - 1)
      .default(1),
  })
  .optional()
  .meta({ description: "With it, a failure report of both plans; its absence leaves failures out." });

export const previewAskedSchema = inputChangesSchema
  .extend({ failures: failuresAskedSchema })
  .meta({ id: "PreviewQuestion", description: "Changes to inputs: the plan that would follow, which can be applied." });

export const whatIfAskedSchema = whatIfChangesSchema.extend({ failures: failuresAskedSchema }).meta({
  id: "WhatIfQuestion",
  description: "Changes to inputs, failures, drains, demand and capacity, on the state of now; nothing is touched.",
});

const confirmWithinSeconds = z
  .int()
  .min(1)
  .max(confirmWithinSecondsMax)
  .optional()
  .meta({ description: "Taken back after so long, unless it is confirmed." });

export const applyAskedSchema = z
  .strictObject({
    force: z.boolean().default(false).meta({ description: "Whatever the blast radius." }),
    tolerateDemands: z.boolean().default(false).meta({ description: "Newer demands than the preview's do not make it stale." }),
    confirmWithinSeconds,
  })
  .meta({ id: "ApplyQuestion" });

export const rollBackAskedSchema = z
  .strictObject({ force: z.boolean().default(false).meta({ description: "Whatever the blast radius." }), confirmWithinSeconds })
  .meta({ id: "RollBackQuestion" });

export const pathCheckAskedSchema = z
  .strictObject({
    src: nodeIdSchema,
    dst: nodeIdSchema,
    trafficClass: trafficClassInput,
    rateBps: z.number().positive().max(rateBpsMax),
    latencyMsMax: latencyMsSchema.optional(),
  })
  .meta({ id: "PathQuestion" });

const confirmBy = instant.optional().meta({ description: "By when it must be confirmed; absent where it needs not be." });
export const appliedSchema = z
  .strictObject({ epoch: count, topologyVersion: count, settingsVersion: count, confirmBy })
  .meta({ id: "Applied", description: "The changes are durable, and the plan is being installed." });
export const rolledBackSchema = z
  .strictObject({
    epoch: count.meta({ description: "Under which the earlier plan is being installed." }),
    rolledBackTo: count,
    mode: z.literal("held").meta({ description: "Nothing is planned until an operator sets another mode." }),
    operationVersion: count,
    confirmBy,
  })
  .meta({ id: "RolledBack" });
export const confirmedSchema = z.strictObject({ epoch: count, operationVersion: count }).meta({ id: "Confirmed" });

export const jobSchema = z
  .strictObject({
    id,
    kind: z.enum(jobKinds),
    actor: z.string(),
    state: z.enum(jobStates),
    stage: z.string(),
    progress: z.number().min(0).max(1),
    createdAt: instant,
    startedAt: instant.optional(),
    endedAt: instant.optional(),
    result: z.string().optional().meta({ description: "Where the answer is, once the job is done." }),
    faults: z.array(faultSchema).optional(),
  })
  .meta({ id: "Job" });
export const jobsSchema = z.strictObject({ items: z.array(jobSchema) }).meta({ id: "Jobs", description: "Newest first." });

const figures = z.strictObject({ before: z.number(), after: z.number() });
const maybe = <T extends z.ZodType>(of: T) => z.strictObject({ before: of.optional(), after: of.optional() });
const tunnel = z.strictObject({ id, src: id, dst: id, path: z.array(id) });
const ruleCounts = { added: count, changed: count, removed: count };

const differenceFields = {
  kind: z.literal("plan-difference"),
  formatVersion: z.literal(1),
  isDifferent: z.boolean(),
  inputHash: maybe(z.string()),
  classes: z.array(z.strictObject({ trafficClass: trafficClassSchema, demandBps: figures, admittedBps: figures, rung: maybe(rungSchema) })),
  utilizationMax: maybe(z.number()),
  groups: z
    .array(flowGroup.extend({ demandBps: figures, admittedBps: figures, resplit: z.boolean() }))
    .meta({ description: "Flow groups of which demand, admitted rate or split are otherwise." }),
  tunnels: z.strictObject({ added: z.array(tunnel), removed: z.array(tunnel) }),
  links: z.array(z.strictObject({ linkId: id, capacityBps: maybe(rate), loadBps: figures, utilization: maybe(z.number()) })),
  rules: z.strictObject({
    rulesBefore: count,
    rulesAfter: count,
    ...ruleCounts,
    switches: z.array(
      z.strictObject({
        nodeId: id,
        rulesBefore: count,
        rulesAfter: count,
        ...ruleCounts,
        kinds: z.partialRecord(z.enum(["meter", "failover", "group", "ingress", "label"]), z.strictObject(ruleCounts)),
      }),
    ),
  }),
  blastRadius: z
    .strictObject({
      rulesInstalled: count,
      rulesAdded: count,
      rulesChanged: count,
      rulesRemoved: count,
      rulesChangedShare: z.number(),
      admittedBeforeBps: rate,
      admittedLossBps: rate,
      admittedLossShare: z.number(),
      topClassLossBps: rate,
    })
    .meta({ id: "BlastRadius", description: "What limits without force are set on." }),
};

export const planDifferenceSchema = z.strictObject({ epochs: figures, ...differenceFields }).meta({ id: "PlanDifference" });

const outcome = z.strictObject({
  endsLostBps: rateByClass,
  layers: z.strictObject({
    unrepaired: layerSchema.optional(),
    "local-repair": layerSchema.optional(),
    "scenario-split": layerSchema.optional(),
    "new-plan": layerSchema.optional(),
  }),
});

const pairs = z.strictObject({ possible: count, taken: count, sampled: z.boolean(), seed: count });

export const previewSchema = z
  .strictObject({
    kind: z.enum(jobKinds),
    formatVersion: z.literal(1),
    basis: z.strictObject({
      topologyVersion: count,
      demandsVersion: count,
      settingsVersion: count,
      inputHash: z
        .string()
        .meta({ description: "Of topology (with the states that switches report), demands and settings before the changes." }),
      epoch: count.optional().meta({ description: "Of the plan that it is compared with; absent where there is none." }),
    }),
    plan: z
      .strictObject({
        inputHash: z.string(),
        rung: rungSchema,
        demandBps: rate,
        admittedBps: rate,
        utilizationMax: z.number(),
        tunnels: count,
        groups: count,
        unroutable: z.array(flowGroup),
        softDrained: z
          .enum(["avoided", "used"])
          .optional()
          .meta({ description: "Where something is soft-drained: whether the plan does without it." }),
        classes: z.array(
          z.strictObject({
            trafficClass: trafficClassSchema,
            rung: rungSchema,
            solver: z.string(),
            demandBps: rate,
            admittedBps: rate,
            notes: z.array(z.string()),
            certificate: z.strictObject({
              objective: z.string(),
              sense: z.enum(["maximize", "minimize"]),
              unit: z.enum(["bps", "bps*ms", "1"]),
              value: z.number(),
              bound: z.number().optional(),
              gap: z.number().optional(),
            }),
          }),
        ),
        seconds: timingsSchema,
      })
      .meta({ id: "PlanGist" }),
    difference: z.strictObject(differenceFields),
    failures: z
      .strictObject({
        layers: z.array(z.enum(layerNames)),
        pairs: maybe(pairs),
        admittedBps: maybe(rateByClass),
        scenarios: z.array(
          z.strictObject({
            id,
            kind: z.enum([...failureKinds, "drain", "pair"]),
            verdict: z.enum(["worse", "better", "same", "new", "gone"]),
            before: outcome.optional(),
            after: outcome.optional(),
          }),
        ),
      })
      .optional(),
  })
  .meta({ id: "Preview", description: "The plan that would follow, and what it would make otherwise." });

const pathAnswer = z.strictObject({
  tunnels: z.array(tunnel.extend({ latencyMs: z.number(), rateBps: rate })),
  admittedBps: rate,
  binding: z
    .array(z.strictObject({ linkId: id, roomBps: rate, capacityBps: rate }))
    .meta({ description: "Links that are full, the dearest first; empty where all is admitted." }),
});

export const pathCheckSchema = z
  .strictObject({
    kind: z.literal("path-check"),
    formatVersion: z.literal(1),
    demand: flowGroup.extend({ rateBps: rate }),
    latencyMsMax: z.number().optional(),
    verdict: z.enum(["yes", "yes-taking", "in-part", "no", "no-path"]),
    beside: pathAnswer.meta({ description: "Beside all that is admitted now: nobody loses anything." }),
    taking: pathAnswer
      .extend({ takes: z.array(z.strictObject({ linkId: id, trafficClass: trafficClassSchema, takenBps: rate })) })
      .optional()
      .meta({ description: "With what lower classes would have to give up on these links." }),
    otherTunnels: pathAnswer.optional().meta({ description: "What other tunnels than the policy's would admit, where that is more." }),
    notes: z.array(z.string()),
  })
  .meta({ id: "PathCheck", description: "Whether a demand could be met, how, and what binds." });
