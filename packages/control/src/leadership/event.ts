/** What the driver tells the leadership's machine. `nowMs` as for the controller: a clock that never runs backwards. */
import type { Result, Term } from "@sluice/model";
import type { LeaseOutcomeRecord, LeaseRecord } from "./lease-record.js";

export type LeadershipEvent = { readonly nowMs: number } & (
  | {
      /** Time has passed. The first one starts the candidate. */
      readonly kind: "tick";
    }
  | { readonly kind: "acquired"; readonly requestId: number; readonly result: Result<LeaseOutcomeRecord> }
  | { readonly kind: "renewed"; readonly requestId: number; readonly result: Result<void> }
  | { readonly kind: "released"; readonly requestId: number; readonly result: Result<void> }
  | { readonly kind: "found"; readonly requestId: number; readonly result: Result<LeaseRecord> }
  | {
      /** Answers `step-down`: nothing is under way any more in the name of that term. */
      readonly kind: "quiet";
      readonly term: Term;
    }
  | {
      /** The store refused a write under this term, or an agent has obeyed a newer one. */
      readonly kind: "deposed";
      readonly term: Term;
      readonly reason: string;
    }
  | {
      /** Somebody else shall lead. */
      readonly kind: "hand-over";
    }
  | {
      /** The process is going to end; answered by `end`. */
      readonly kind: "stop";
    }
);
