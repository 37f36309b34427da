/** What changes the inventory: requests as they wait for their turn, and writes as they wait for the store. */
import type {
  Confirmation,
  DemandMatrix,
  Epoch,
  Fault,
  OperationDocument,
  OperationSet,
  OperationSettings,
  PlanSettings,
  Proposal,
  RequestedBy,
  Topology,
} from "@sluice/model";
import type { BlastRadius } from "@sluice/rules";
import type { AssignmentsRecord, CycleInputRecord, PlanRecord } from "../inventory-record.js";
import type { VerifiedPlan } from "./state.js";

/** Parts of the inventory that change together. */
export interface InventoryChange {
  readonly topology?: Topology | undefined;
  readonly settings?: PlanSettings | undefined;
  readonly operation?: OperationDocument | undefined;
}

/** What has a version, and is stored as one item. */
export type InventoryItem =
  | { readonly kind: "topology"; readonly topology: Topology }
  | { readonly kind: "demands"; readonly matrix: DemandMatrix }
  | { readonly kind: "settings"; readonly settings: PlanSettings }
  | { readonly kind: "operation"; readonly document: OperationDocument };

export type InventoryWrite =
  | InventoryItem
  | { readonly kind: "inventory"; readonly change: InventoryChange; readonly story: PlanStory }
  | PlanWrite;

/** A plan that no cycle made, and what is written with it. */
export interface PlanWrite {
  readonly kind: "plan";
  readonly plan: VerifiedPlan;
  readonly assignmentsAfter: AssignmentsRecord;
  readonly change: InventoryChange;
  readonly story: PlanStory;
}

/** What it is about: for the answer and the events once it is durable. */
export type PlanStory =
  | {
      readonly kind: "proposal";
      readonly force: boolean;
      readonly radius: BlastRadius;
      /** Demands other than those that it was made for are waiting for a cycle. */
      readonly demandsWaiting: boolean;
    }
  | { readonly kind: "roll-back"; readonly rolledBackTo: Epoch; readonly force: boolean; readonly radius: BlastRadius }
  | {
      readonly kind: "expiry";
      readonly confirmation: Confirmation;
      /** What somebody changed since, and stays. */
      readonly kept: readonly string[];
      /** Why the plan of before could not come back: a cycle makes a new one. */
      readonly fault?: Fault | undefined;
    };

/** A request that waits for its turn, or for its write. */
export type InventoryRequest = { readonly by?: RequestedBy | undefined; readonly ifVersion?: number | undefined } & (
  | { readonly kind: "replace-topology"; readonly requestId: string; readonly topology: unknown }
  | { readonly kind: "change-topology"; readonly requestId: string; readonly changes: unknown }
  | { readonly kind: "change-settings"; readonly requestId: string; readonly settings: unknown }
  | { readonly kind: "change-operation"; readonly requestId: string; readonly operation: unknown }
  | {
      readonly kind: "apply-proposal";
      readonly requestId: string;
      readonly proposal: Proposal;
      readonly force: boolean;
      readonly tolerateDemands?: boolean | undefined;
      readonly confirmWithinSeconds?: number | undefined;
    }
  | {
      readonly kind: "roll-back";
      readonly requestId: string;
      readonly record: PlanRecord;
      readonly input: CycleInputRecord;
      readonly force: boolean;
      readonly confirmWithinSeconds?: number | undefined;
    }
  | { readonly kind: "confirm"; readonly requestId: string; readonly epoch: Epoch }
  /** Of the controller itself: the store is to hold what the controller holds. */
  | { readonly kind: "restate"; readonly what: InventoryItem["kind"] }
  /** Of the controller itself: a plan was not confirmed in time. */
  | { readonly kind: "expire"; readonly confirmation: Confirmation }
  | {
      readonly kind: "measure-demands";
      /** Of this matrix, and before it those of matrices that it replaced while they waited. */
      readonly requestIds: string[];
      readonly supersededIds: string[];
      matrix: DemandMatrix;
      by?: RequestedBy | undefined;
    }
);

/** What operators set about operating, and what waits for their confirmation. */
export interface OperationState {
  /** What was set; the rest has its default. */
  set: OperationSet;
  /** What holds. */
  settings: OperationSettings;
  version: number;
  confirmation: Confirmation | undefined;
  /** The plan that comes back where it is not confirmed. */
  previous: VerifiedPlan | undefined;
  /** An expiry whose write failed is tried again then. */
  retryAtMs: number;
}
