/** What an operator may set about planning. */
import { z } from "zod";
import type { Result } from "./fault.js";
import { admit, latencyMsSchema } from "./gate.js";
import { protectionSettingsSchema, unprotected, type ProtectionSettings } from "./protection.js";
import type { trafficClasses } from "./traffic-class.js";

export const objectiveNames = [
  "max-throughput",
  "min-cost",
  "min-max-utilization",
  "max-concurrent",
  "max-min-fair",
  "shortest-path",
] as const;
export type ObjectiveName = (typeof objectiveNames)[number];

/** `priced`: sought for each class among all paths, for its demands and what is left of the links; the others go by the topology alone. */
export const tunnelPolicyKinds = ["k-shortest", "edge-disjoint", "srlg-disjoint", "priced"] as const;

export const tunnelPolicySchema = z.strictObject({
  kind: z.enum(tunnelPolicyKinds),
  /** Candidate tunnels per pair of nodes. */
  k: z.int().min(1).max(16),
  /** Tunnels slower than this are no candidates. */
  latencyMsMax: latencyMsSchema.optional(),
});
export type TunnelPolicy = z.output<typeof tunnelPolicySchema>;

/** Engines of our own (packages/mcf). */
export const engineNames = ["simplex", "first-order", "interior-point"] as const;
export type EngineName = (typeof engineNames)[number];

/** `auto` chooses an engine by size, time and wanted gap; the last two are general LP solvers. */
export const solverNames = ["auto", ...engineNames, "highs", "javascript-lp-solver"] as const;
export type SolverName = (typeof solverNames)[number];

/** The relative gap between value and bound that is wanted when nothing else is said, and the largest that may be. */
export const gapMaxDefault = 1e-6;
export const gapMaxMost = 0.1;

export const planSettingsSchema = z.strictObject({
  /** One objective for all classes, or one for each. */
  objective: z.union([
    z.enum(objectiveNames),
    z.strictObject({
      interactive: z.enum(objectiveNames),
      elastic: z.enum(objectiveNames),
      bulk: z.enum(objectiveNames),
    }),
  ]),
  tunnels: tunnelPolicySchema,
  solver: z.enum(solverNames),
  /** An answer proven to be within this relative gap of the optimum is good enough. Settings stored before there was a choice have the default. */
  gapMax: z.number().positive().max(gapMaxMost).default(gapMaxDefault),
  /** Time for all classes together, seconds; then the next rung of the ladder. */
  deadlineSeconds: z.number().positive().max(3600),
  /** Table budget: the weights of a group sum to at most this (WCMP 2014). */
  splitWeightSumMax: z.int().min(1).max(1024),
  /** Share of each link's capacity that updates may use on top while old and new traffic overlap. */
  updateSlack: z.number().min(0).max(1),
  /** What is promised when something fails; left out: nothing. */
  protection: protectionSettingsSchema.optional(),
});
export type PlanSettings = z.output<typeof planSettingsSchema>;

export const planSettingsDefault: PlanSettings = {
  objective: "max-throughput",
  tunnels: { kind: "k-shortest", k: 4 },
  solver: "auto",
  gapMax: gapMaxDefault,
  deadlineSeconds: 10,
  splitWeightSumMax: 64,
  updateSlack: 0.1,
};

/** The settings with some of them changed; what is not given stays, even where it has a default. */
export function changeSettings(settings: PlanSettings, change: unknown): Result<PlanSettings> {
  const changes = admit(planSettingsSchema.partial(), change);
  if (!changes.ok) return changes;
  const asks = new Set(Object.keys(Object(change)));
  const given = Object.fromEntries(Object.entries(changes.value).filter(([name, value]) => value !== undefined && asks.has(name)));
  return admit(planSettingsSchema, { ...settings, ...given });
}

export function objectiveOf(settings: PlanSettings, trafficClass: (typeof trafficClasses)[number]): ObjectiveName {
  return typeof settings.objective === "string" ? settings.objective : settings.objective[trafficClass];
}

export function protectionOf({ protection }: PlanSettings): ProtectionSettings {
  return protection ?? unprotected;
}
