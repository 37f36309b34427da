/** What the leadership's machine asks of the driver. */
import type { Term } from "@sluice/model";
import type { LeaseRequestRecord } from "./lease-record.js";

/** Why a holder leads no more. */
export type StepDownCause = "lease-over" | "deposed" | "hand-over" | "stop";

export type LeadershipEffect =
  /** One call of the store each, answered by `acquired`, `renewed`, `released`, `found`; an answer that does not come is taken for lost. */
  | { readonly kind: "acquire"; readonly requestId: number; readonly request: LeaseRequestRecord }
  | { readonly kind: "renew"; readonly requestId: number; readonly term: Term; readonly durationMs: number }
  | { readonly kind: "release"; readonly requestId: number; readonly term: Term }
  | { readonly kind: "read"; readonly requestId: number }
  | {
      /** Lead under this term, for as long as `leads` says so. */
      readonly kind: "lead";
      readonly term: Term;
    }
  | {
      /** Lead no more; answered by `quiet` once nothing is under way. After a `hand-over` or `stop` what is being written may end: the lease lasts. */
      readonly kind: "step-down";
      readonly term: Term;
      readonly cause: StepDownCause;
      readonly reason: string;
    }
  | {
      /** A tick is wanted at this time, or soon after. */
      readonly kind: "wake";
      readonly atMs: number;
    }
  | {
      /** Nothing is held any more: the process may end. */
      readonly kind: "end";
    };
