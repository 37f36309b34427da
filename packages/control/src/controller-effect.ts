/** What the controller's machine asks of the driver. Effects of one step are carried out in their order. */
import type {
  ControllerMessage,
  DemandMatrix,
  Epoch,
  FailureScenario,
  FaultCode,
  NodeId,
  OperationDocument,
  Plan,
  PlanSettings,
  Result,
  Snapshot,
  TopologyDocument,
} from "@sluice/model";
import type { AssignmentsRecord, CycleInputRecord, InventoryChangeRecord, JournalEvent, PlanRecord } from "./inventory-record.js";

/** One call of the store each: putTopology, putDemands, putSettings, putOperation, putInventory, appendPlan, appendEvents. */
export type PersistWrite =
  | { readonly kind: "topology"; readonly document: TopologyDocument }
  | { readonly kind: "demands"; readonly matrix: DemandMatrix }
  | { readonly kind: "settings"; readonly settings: PlanSettings }
  | { readonly kind: "operation"; readonly document: OperationDocument }
  /** All of it or nothing. */
  | { readonly kind: "inventory"; readonly change: InventoryChangeRecord }
  | {
      readonly kind: "plan";
      readonly record: PlanRecord;
      readonly input: CycleInputRecord;
      readonly assignmentsAfter: AssignmentsRecord;
      /** Written in the same transaction. */
      readonly inventory?: InventoryChangeRecord;
    }
  | { readonly kind: "events"; readonly events: readonly JournalEvent[] };

/** Those that tell of forecasts as the driver has them. */
export const forecastNoteKinds = [
  "forecast-ready",
  "forecast-quarantined",
  "forecast-refused",
  "forecast-released",
  "forecast-removed",
  "outlook-warning",
] as const;
export type ForecastNoteKind = (typeof forecastNoteKinds)[number];

/** Kinds of published events; `docs/protocol.md` says when each comes and what it carries. */
export const publishedKinds = [
  "topology-changed",
  "demands-changed",
  "settings-changed",
  "operation-changed",
  "proposal-applied",
  "plan-rolled-back-to",
  "confirmation-pending",
  "confirmed",
  "confirmation-expired",
  "resync-asked",
  "demand-source-changed",
  ...forecastNoteKinds,
  "solve-started",
  "solve-failed",
  "plan-refused",
  "tables-full",
  "plan-persisted",
  "plan-applied",
  "plan-failed",
  "rolled-back",
  "adopted",
  "update-started",
  "update-throttles",
  "update-refused",
  "plan-protected",
  "protect-failed",
  "scenario-refused",
  "scenario-activated",
  "scenario-programmed",
  "scenario-ended",
  "agent-connected",
  "agent-synced",
  "agent-disconnected",
  "agent-refused",
  "agent-drifted",
  "link-down",
  "link-up",
  "link-suppressed",
  "link-reused",
  "control-network-fault",
  "control-network-healed",
  "store-failed",
  "superseded",
  "events-dropped",
] as const;
export type PublishedKind = (typeof publishedKinds)[number];

export interface PublishedEvent {
  readonly kind: PublishedKind;
  readonly data: Readonly<Record<string, unknown>>;
}

export type ControllerEffect =
  | {
      /** Make a plan, away from the event loop; answered by `solved`. At most one is under way. */
      readonly kind: "solve";
      readonly solveId: number;
      readonly snapshot: Snapshot;
    }
  | {
      /** The answer is no longer wanted. */
      readonly kind: "cancel-solve";
      readonly solveId: number;
    }
  | {
      /** Split the groups of a plan for scenarios, away from the event loop; answered by `protected`. At most one is under way. */
      readonly kind: "protect";
      readonly protectId: number;
      /** What the plan was made from. */
      readonly snapshot: Snapshot;
      readonly plan: Plan;
      readonly epoch: Epoch;
      readonly scenarios: readonly FailureScenario[];
    }
  | {
      /** The answer is no longer wanted. */
      readonly kind: "cancel-protect";
      readonly protectId: number;
    }
  | {
      /** A tick is wanted at this time, or soon after, for what should not wait for the next regular one. */
      readonly kind: "wake";
      readonly atMs: number;
    }
  | {
      /** Write under the controller's term; answered by `persisted`, exactly once. */
      readonly kind: "persist";
      readonly persistId: number;
      readonly write: PersistWrite;
    }
  | { readonly kind: "send"; readonly streamId: number; readonly message: ControllerMessage }
  | {
      readonly kind: "close-stream";
      readonly streamId: number;
      readonly code: FaultCode;
      /** One sentence for the agent's log. */
      readonly reason: string;
    }
  | {
      /** Answers the request of that id; what it asked for is durable. Values: `InventoryReply`, and those below it. */
      readonly kind: "reply";
      readonly requestId: string;
      readonly result: Result<unknown>;
    }
  | {
      /** For watchers (REST, metrics, logs). The same event also goes to the journal by a `persist` effect. */
      readonly kind: "publish";
      readonly event: PublishedEvent;
    }
  | {
      /** A newer leader exists (the store refused this term): the machine does nothing more; the process should end. */
      readonly kind: "step-down";
      readonly reason: string;
    };

/** The value of a reply. */
export interface InventoryReply {
  /** Version of the document that was written. */
  readonly version: number;
  /** A newer matrix came before this one was written: the version is the newer one's. */
  readonly superseded?: boolean;
}

/** To `apply-proposal`. */
export interface ProposalReply {
  readonly epoch: Epoch;
  readonly topologyVersion: number;
  readonly settingsVersion: number;
  /** By when it must be confirmed, ms since the Unix epoch; absent where it needs not be. */
  readonly confirmByMs?: number;
}

/** To `roll-back`: nothing is planned any more until an operator changes the mode. */
export interface RollBackReply {
  /** Of the plan that is going to be installed. */
  readonly epoch: Epoch;
  /** Of the plan whose rules it has. */
  readonly rolledBackTo: Epoch;
  readonly mode: "held";
  readonly operationVersion: number;
  readonly confirmByMs?: number;
}

/** To `confirm`. */
export interface ConfirmReply {
  readonly epoch: Epoch;
  readonly operationVersion: number;
}

/** To `resync`: its rules are being read. */
export interface ResyncReply {
  readonly nodeId: NodeId;
}
