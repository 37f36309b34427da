/**
 * The plain data that the controller keeps across restarts. The shapes are those of the ports in `packages/store`,
 * which stands beside this package, not below it: a driver hands one to the other as it is.
 */
import type { DemandMatrix, Epoch, Plan, PlanSettings, PlanTimings, Term, TopologyDocument } from "@sluice/model";

/** Labels of tunnels and numbers of groups, as `assignmentsDocument` of `packages/rules` writes them. */
export type AssignmentsRecord = Readonly<Record<string, unknown>>;

/** All that a plan and its rules were computed from. */
export interface CycleInputRecord {
  readonly topology: TopologyDocument;
  readonly demands: DemandMatrix;
  readonly settings: PlanSettings;
  readonly assignmentsBefore: AssignmentsRecord;
}

export interface PlanRecord {
  readonly epoch: Epoch;
  readonly term: Term;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** `canonicalHash` of the cycle's input. */
  readonly cycleInputHash: string;
  readonly plan: Plan;
  readonly timings: PlanTimings;
  /** `digestOfRuleSet` of the compiled rules. */
  readonly rulesDigest: string;
  readonly ruleCount: number;
}

/** What a controller starts from: the store's inventory, and the newest plan with its input where there is one. */
export interface StartInventory {
  readonly topology?: { readonly version: number; readonly document: TopologyDocument };
  readonly demands?: { readonly version: number; readonly matrix: DemandMatrix };
  readonly settings?: { readonly version: number; readonly settings: PlanSettings };
  /** As of the newest plan. */
  readonly assignments?: AssignmentsRecord;
  readonly epoch: Epoch;
  /** The plan of `epoch`: `getPlan(epoch)` and `getCycleInput(record.cycleInputHash)`. Absent at epoch 0. */
  readonly lastPlan?: { readonly record: PlanRecord; readonly input: CycleInputRecord };
}

/** An event for the append-only journal; the store numbers it. */
export interface JournalEvent {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}
