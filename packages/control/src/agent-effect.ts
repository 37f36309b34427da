/** What the agent's machine asks of the driver. Effects of one step are carried out in their order. */
import type { AgentMessage, Epoch, NodeRules, RuleOperation, Term } from "@sluice/model";

export type AgentEffect =
  | {
      /**
       * Open a stream to the controller after `delayMs` (the driver may add jitter); answered by `opened` or `closed`
       * with the same number. At most one stream is wanted at a time.
       */
      readonly kind: "connect";
      readonly streamId: number;
      readonly delayMs: number;
    }
  | { readonly kind: "send"; readonly streamId: number; readonly message: AgentMessage }
  | { readonly kind: "close-stream"; readonly streamId: number; readonly reason: string }
  | {
      /** Make the pair durable; answered by `persisted`. The agent obeys nothing of this term or epoch before. */
      readonly kind: "persist-term";
      readonly persistId: number;
      readonly term: Term;
      readonly epoch: Epoch;
    }
  | {
      /** Change the datapath, all or nothing; answered by `applied`. One is under way at a time. */
      readonly kind: "apply";
      readonly applyId: number;
      readonly operations: readonly RuleOperation[];
      /** All that the table holds with this change: a live view, read it before the next event. */
      readonly rules: NodeRules;
    }
  | {
      /** Sample the counters; answered by `count`. */
      readonly kind: "read-counters";
    };
