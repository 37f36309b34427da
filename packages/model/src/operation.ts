/**
 * What operators set about operating, not about planning: whether cycles run by themselves, how much one change may do, and how soon
 * links that came up are used again. Beside it stands what waits for an operator's confirmation.
 */
import { z } from "zod";
import { fault, ok, refuse, type Result } from "./fault.js";
import { admit } from "./gate.js";
import type { Epoch } from "./plan.js";
import type { RequestedBy } from "./requested-by.js";
import type { PlanSettings } from "./settings.js";
import type { Undo } from "./undo.js";

/**
 *   automatic       every change of the inputs asks for a plan
 *   held            nothing is planned; local repair and prepared splits still answer failures
 *   shortest-path   cycles go on, every class on shortest paths and nothing guaranteed: what needs the least to be right
 */
export const cycleModes = ["automatic", "held", "shortest-path"] as const;
export type CycleMode = (typeof cycleModes)[number];

/** `measured`: plans are for the newest measured matrix; `blended`: for it and the forecast of the window, weighed together (packages/forecast). */
export const demandSourceKinds = ["measured", "blended"] as const;
export const demandQuantiles = ["p50", "p75", "p90", "p95", "p99"] as const;

/** Longest hold-down and half-life, ms: one hour. */
export const holdMsMax = 3_600_000;
/** No penalty of a link is higher (`dampingPenaltyMax` of the controller): a threshold above would never be reached. */
export const penaltyMax = 12_000;
/** Longest time to confirm a plan, seconds: one day. */
export const confirmWithinSecondsMax = 86_400;

export const blastRadiusLimitsSchema = z.strictObject({
  /** Rules added, changed and removed, over those installed; 1 allows all. */
  rulesChangedShareMax: z.number().min(0).max(1),
  /** Admitted traffic that is given up, over what is admitted. */
  admittedLossShareMax: z.number().min(0).max(1),
  /** Whether the most important class may lose anything at all. */
  topClassLossAllowed: z.boolean(),
});
export type BlastRadiusLimits = z.output<typeof blastRadiusLimitsSchema>;

export const demandSourceSchema = z.strictObject({
  kind: z.enum(demandSourceKinds),
  /** Of the forecast; `measured` has no use for it. */
  quantile: z.enum(demandQuantiles),
});
export type DemandSource = z.output<typeof demandSourceSchema>;

export const operationSettingsSchema = z.strictObject({
  mode: z.enum(cycleModes),
  /** What a plan that an operator applies may change without being forced. */
  blastRadius: blastRadiusLimitsSchema,
  /** A link that came up is used again after this, if it stays up, ms. */
  linkUpHoldMs: z.number().min(0).max(holdMsMax),
  /** A link's penalty for falling halves in this time, ms (RFC 2439). */
  dampingHalfLifeMs: z.number().min(1).max(holdMsMax),
  /** A fall adds 1,000; a link above this counts as down until its penalty is below `dampingReuseBelow`. */
  dampingSuppressAbove: z.number().min(0).max(penaltyMax),
  dampingReuseBelow: z.number().min(1).max(penaltyMax),
  demandSource: demandSourceSchema,
});
export type OperationSettings = z.output<typeof operationSettingsSchema>;

/** What operators have set; what is left out has its default. */
export type OperationSet = { readonly [K in keyof OperationSettings]?: OperationSettings[K] };

/** What a request may change: any of the fields, and any field of those that have some. */
export const operationChangeSchema = operationSettingsSchema
  .extend({ blastRadius: blastRadiusLimitsSchema.partial(), demandSource: demandSourceSchema.partial() })
  .partial();

export const operationSettingsDefault: OperationSettings = {
  mode: "automatic",
  blastRadius: { rulesChangedShareMax: 0.5, admittedLossShareMax: 0.05, topClassLossAllowed: false },
  linkUpHoldMs: 2_000,
  dampingHalfLifeMs: 15_000,
  dampingSuppressAbove: 2_500,
  dampingReuseBelow: 750,
  demandSource: { kind: "measured", quantile: "p90" },
};

/** A plan that is taken back unless it is confirmed in time. */
export interface Confirmation {
  /** The plan that waits to be confirmed. */
  readonly epoch: Epoch;
  /** The plan that it took the place of; 0 where there was none. */
  readonly previousEpoch: Epoch;
  /** Milliseconds since the Unix epoch. */
  readonly deadlineMs: number;
  /** What brings the inputs back. */
  readonly undo: Undo;
  /** Where applying it has ended the automatic cycle: what it was in before. */
  readonly modeBefore?: CycleMode | undefined;
  /** Who applied it. */
  readonly by?: RequestedBy | undefined;
}

/** What is stored under one version. */
export interface OperationDocument {
  readonly settings: OperationSet;
  readonly confirmation?: Confirmation | undefined;
}

/**
 * What is set after a change, and what holds then. Fields that are not given stay, within `blastRadius` and `demandSource` too. Refuses
 * what the schema refuses, and thresholds of damping in the wrong order (`out-of-range`).
 */
export function changeOperation(
  set: OperationSet,
  change: unknown,
  defaults: OperationSettings,
): Result<{ readonly set: OperationSet; readonly settings: OperationSettings }> {
  const admitted = admit(operationChangeSchema, change);
  if (!admitted.ok) return admitted;
  const { blastRadius, demandSource, ...rest } = admitted.value;
  const before = { ...defaults, ...set };
  const changed: OperationSet = {
    ...set,
    ...given(rest),
    ...(blastRadius === undefined ? {} : { blastRadius: { ...before.blastRadius, ...given(blastRadius) } }),
    ...(demandSource === undefined ? {} : { demandSource: { ...before.demandSource, ...given(demandSource) } }),
  };
  const settings = { ...defaults, ...changed };
  if (settings.dampingReuseBelow >= settings.dampingSuppressAbove) {
    const message = `A link is used again below a penalty of ${settings.dampingReuseBelow}, which must be less than the ${settings.dampingSuppressAbove} that suppress it.`;
    return refuse(fault("out-of-range", message, { pointer: "/dampingReuseBelow" }));
  }
  return ok({ set: changed, settings });
}

/** Without the fields that say nothing. */
function given<T extends object>(change: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

/** The settings that plans are made by in this mode. Pricing tunnels takes a solver, which shortest paths do not need. */
export function settingsInMode(settings: PlanSettings, mode: CycleMode): PlanSettings {
  if (mode !== "shortest-path") return settings;
  const { protection, tunnels, ...rest } = settings;
  return {
    ...rest,
    objective: "shortest-path",
    tunnels: tunnels.kind === "priced" ? { ...tunnels, kind: "k-shortest" } : tunnels,
    ...(protection === undefined ? {} : { protection: { ...protection, guarantee: { kind: "none" } } }),
  };
}
