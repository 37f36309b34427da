/** Changes to the inputs together with the plan that follows from them, as a preview has computed it. */
import { z } from "zod";
import { canonicalHash } from "./canonical.js";
import type { DemandMatrix } from "./demand.js";
import type { Result } from "./fault.js";
import { admit } from "./gate.js";
import { settingsInMode, type CycleMode } from "./operation.js";
import type { Plan, PlanTimings, Snapshot } from "./plan.js";
import type { PlanSettings } from "./settings.js";
import { topologyChangesSchema, type TopologyChange } from "./topology-change.js";
import { topologyDocument, type Topology } from "./topology.js";

/** What the inputs were when a proposal was made: it is refused where they have changed since. */
export interface ProposalBasis {
  readonly topologyVersion: number;
  readonly demandsVersion: number;
  /** 0 while the default settings hold. */
  readonly settingsVersion: number;
  /** `basisHash` of the inputs before the changes. */
  readonly inputHash: string;
}

export interface Proposal {
  readonly basis: ProposalBasis;
  readonly topologyChanges: readonly TopologyChange[];
  /** The fields that change. */
  readonly settings: Partial<PlanSettings>;
  /** After the changes: what the plan was made from (`planSnapshot`). */
  readonly snapshot: Snapshot;
  readonly plan: Plan;
  readonly timings: PlanTimings;
}

const version = z.int().min(0);

/** The frame; snapshot and plan are looked into by what verifies plans. */
const proposalSchema = z.looseObject({
  basis: z.strictObject({
    topologyVersion: version,
    demandsVersion: version,
    settingsVersion: version,
    inputHash: z.string().regex(/^[0-9a-f]{64}$/, "must be a SHA-256 in hex"),
  }),
  topologyChanges: topologyChangesSchema,
  settings: z.record(z.string(), z.unknown()),
  snapshot: z.looseObject({}),
  plan: z.looseObject({}),
  timings: z.record(z.string(), z.number().min(0)),
});

/** Whether a value has the frame of a proposal. */
export function admitProposal(value: unknown): Result<Proposal> {
  // What the frame leaves open is typed as what it must turn out to be.
  return admit(proposalSchema as unknown as z.ZodType<Proposal>, value, ["proposal"]);
}

/** The inputs as a controller holds them; the topology with the operational states that agents report. */
export interface PlanInputs {
  readonly topology: Topology;
  readonly demands: DemandMatrix;
  readonly settings: PlanSettings;
}

/** SHA-256 over all that a plan would follow from, the reported states of links included. O(inputs). */
export function basisHash({ topology, demands, settings }: PlanInputs): string {
  return canonicalHash({ topology: topologyDocument(topology), demands, settings });
}

/** What a cycle in this mode plans on. Demands of nodes that are not there are left out: what was removed has no traffic to plan. O(inputs). */
export function planSnapshot({ topology, demands, settings }: PlanInputs, mode: CycleMode = "automatic"): Snapshot {
  const between = demands.demands.filter(({ src, dst }) => topology.nodeById.has(src) && topology.nodeById.has(dst));
  return {
    topology: topologyDocument(topology),
    demands: between.length === demands.demands.length ? demands : { ...demands, demands: between },
    settings: settingsInMode(settings, mode),
  };
}
