/** What the driver tells the controller's machine. */
import type { AgentMessage, DemandMatrix, Plan, PlanTimings, Result, ScenarioSplit } from "@sluice/model";

/**
 * `nowMs` on every event: milliseconds since the Unix epoch from a clock that never runs backwards
 * (`performance.timeOrigin + performance.now()`, never `Date.now()`). The machine takes an earlier time for the latest it has seen.
 */
export type ControllerEvent = { readonly nowMs: number } & (
  | {
      /** Time has passed. The driver sends one at least every 100 ms; nothing waits for a particular one. */
      readonly kind: "tick";
    }
  | {
      readonly kind: "replace-topology";
      readonly requestId: string;
      /** Validated by the machine (`parseTopology`). */
      readonly topology: unknown;
    }
  | {
      readonly kind: "change-topology";
      readonly requestId: string;
      /** A list of `TopologyChange`, validated by the machine (`applyTopologyChanges`): all or none. */
      readonly changes: unknown;
    }
  | {
      /** A matrix that passed `parseDemandMatrix`; its ends are checked here. The newest one wins. */
      readonly kind: "measure-demands";
      readonly requestId?: string;
      readonly matrix: DemandMatrix;
    }
  | {
      readonly kind: "change-settings";
      readonly requestId: string;
      /** The fields of `PlanSettings` to change; what is left out stays. Validated by the machine. */
      readonly settings: unknown;
    }
  | {
      /** An agent's stream is open; the number is the driver's, never used twice in a term. */
      readonly kind: "agent-opened";
      readonly streamId: number;
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
      /** Answers a `persist` effect: exactly one for each, in any order. `version` where the write gave one. */
      readonly kind: "persisted";
      readonly persistId: number;
      readonly result: Result<{ readonly version?: number }>;
    }
);
