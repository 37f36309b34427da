/** What the driver tells the controller's machine. */
import type {
  AgentMessage,
  DemandBasis,
  DemandMatrix,
  Epoch,
  NodeId,
  Plan,
  PlanTimings,
  Proposal,
  RequestedBy,
  Result,
  ScenarioSplit,
} from "@sluice/model";
import type { ForecastDemand } from "@sluice/forecast";
import type { ForecastNoteKind } from "./controller-effect.js";
import type { CycleInputRecord, InventoryVersions, PlanRecord } from "./inventory-record.js";

/** Of every request. */
export interface Asked {
  readonly requestId: string;
  /** Goes into the events that follow from it. */
  readonly by?: RequestedBy | undefined;
}

/** Of requests that change what has a version: refused (`stale-version`) where another version is stored when its turn comes. */
export interface Versioned {
  readonly ifVersion?: number | undefined;
}

/** A forecast for one window, in all quantiles that it was made for. */
export interface LoadedForecast {
  readonly batchId: string;
  /** ISO 8601, UTC. */
  readonly windowStart: string;
  readonly windowSeconds: number;
  readonly demands: readonly ForecastDemand[];
  /** Changes where the same window of the batch holds something else than before. */
  readonly revision: string;
}

/** Why no forecast is planned on. */
export type ForecastAbsence = Extract<DemandBasis, { kind: "measured" }>["why"];

/**
 * `nowMs` on every event: milliseconds since the Unix epoch from a clock that never runs backwards
 * (`performance.timeOrigin + performance.now()`, never `Date.now()`). The machine takes an earlier time for the latest it has seen.
 */
export type ControllerEvent = { readonly nowMs: number } & (
  | {
      /** Time has passed. The driver sends one at least every 100 ms; nothing waits for a particular one. */
      readonly kind: "tick";
    }
  | ({
      readonly kind: "replace-topology";
      /** Validated by the machine (`parseTopology`). */
      readonly topology: unknown;
    } & Asked &
      Versioned)
  | ({
      readonly kind: "change-topology";
      /** A list of `TopologyChange`, validated by the machine (`applyTopologyChanges`): all or none. */
      readonly changes: unknown;
    } & Asked &
      Versioned)
  | ({
      /** A matrix that passed `parseDemandMatrix`; its ends are checked here. The newest one wins. */
      readonly kind: "measure-demands";
      readonly matrix: DemandMatrix;
    } & Partial<Asked> &
      Versioned)
  | ({
      readonly kind: "change-settings";
      /** The fields of `PlanSettings` to change; what is left out stays. Validated by the machine. */
      readonly settings: unknown;
    } & Asked &
      Versioned)
  | ({
      readonly kind: "change-operation";
      /** The fields of `OperationSettings` to change; what is left out stays. Validated by the machine (`changeOperation`). */
      readonly operation: unknown;
    } & Asked &
      Versioned)
  | ({
      /** Answered with `ProposalReply`: changes and plan are durable together, and the plan is the push's target. */
      readonly kind: "apply-proposal";
      /** From a process that nobody believes: validated by the machine, and its plan verified as every plan. */
      readonly proposal: Proposal;
      /** Whatever the blast radius. */
      readonly force: boolean;
      /** Newer demands than the proposal's do not matter: its own hold until the next cycle. */
      readonly tolerateDemands?: boolean | undefined;
      /** Taken back after so long, unless it is confirmed. */
      readonly confirmWithinSeconds?: number | undefined;
    } & Asked)
  | ({
      /** The plan of this record under a new epoch; nothing is planned after it. Answered with `RollBackReply`. */
      readonly kind: "roll-back";
      readonly record: PlanRecord;
      /** What the plan was made from: `getCycleInput(record.cycleInputHash)`. */
      readonly input: CycleInputRecord;
      /** Whatever the blast radius, and over links that an operator has drained. */
      readonly force: boolean;
      readonly confirmWithinSeconds?: number | undefined;
    } & Asked)
  | ({
      /** The plan of this epoch, which waits for it, stays. Answered with `ConfirmReply`. */
      readonly kind: "confirm";
      readonly epoch: Epoch;
    } & Asked)
  | ({
      /** A switch's rules are read anew, and what it lacks is derived again. Answered with `ResyncReply`. */
      readonly kind: "resync";
      readonly nodeId: NodeId;
    } & Asked)
  | {
      /** Windows of now and later, each of the batch that counts for it; they take the place of those before. */
      readonly kind: "forecast-loaded";
      readonly windows: readonly LoadedForecast[];
      /** Why there is none for a time that they leave out. */
      readonly absence: ForecastAbsence;
    }
  | {
      /** What the driver has found out about forecasts, for watchers and the journal. */
      readonly kind: "forecast-noted";
      readonly note: ForecastNoteKind;
      readonly data: Readonly<Record<string, unknown>>;
      readonly by?: RequestedBy | undefined;
    }
  | {
      /** An agent's stream is open; the number is the driver's, never used twice in a term. */
      readonly kind: "agent-opened";
      readonly streamId: number;
      /** Whose agent it is by its certificate; absent where agents are taken at their word. */
      readonly certified?: NodeId;
    }
  | { readonly kind: "agent-message"; readonly streamId: number; readonly message: AgentMessage }
  | {
      /** The stream ended, whoever ended it. Also comes, or may come, after a `close-stream` effect. */
      readonly kind: "agent-closed";
      readonly streamId: number;
    }
  | {
      /** Answers a `solve` effect. One for a cancelled solve is ignored. */
      readonly kind: "solved";
      readonly solveId: number;
      readonly result: Result<{ readonly plan: Plan; readonly timings: PlanTimings }>;
    }
  | {
      /** Answers a `protect` effect; scenarios may be missing. One for a cancelled one is ignored. */
      readonly kind: "protected";
      readonly protectId: number;
      readonly result: Result<{ readonly splits: readonly ScenarioSplit[] }>;
    }
  | {
      /** Answers a `persist` effect: exactly one for each, in any order. `version` where the write gave one, `versions` where it gave several. */
      readonly kind: "persisted";
      readonly persistId: number;
      readonly result: Result<Persisted>;
    }
);

export interface Persisted {
  readonly version?: number;
  readonly versions?: InventoryVersions;
}
