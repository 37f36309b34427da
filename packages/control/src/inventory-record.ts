/**
 * The plain data that the controller keeps across restarts. The shapes are those of the ports in `packages/store`,
 * which stands beside this package, not below it: a driver hands one to the other as it is.
 */
import type { DemandMatrix, Epoch, OperationDocument, Plan, PlanSettings, PlanTimings, Term, TopologyDocument } from "@sluice/model";

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
  readonly operation?: { readonly version: number; readonly document: OperationDocument };
  /** As of the newest plan. */
  readonly assignments?: AssignmentsRecord;
  readonly epoch: Epoch;
  /** The plan of `epoch`: `getPlan(epoch)` and `getCycleInput(record.cycleInputHash)`. Absent at epoch 0. */
  readonly lastPlan?: { readonly record: PlanRecord; readonly input: CycleInputRecord };
  /** Where a plan waits for its confirmation: the one before it (`confirmation.previousEpoch`), unless that is 0. */
  readonly previousPlan?: { readonly record: PlanRecord; readonly input: CycleInputRecord };
}

/** Parts of the inventory that are written together. */
export interface InventoryChangeRecord {
  readonly topology?: TopologyDocument;
  readonly settings?: PlanSettings;
  readonly operation?: OperationDocument;
}

/** The versions that they got. */
export interface InventoryVersions {
  readonly topology?: number;
  readonly settings?: number;
  readonly operation?: number;
}

/** An event for the append-only journal; the store numbers it. */
export interface JournalEvent {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}
