/** What the driver tells the agent's machine. `nowMs` as for the controller: a clock that never runs backwards. */
import type { ControllerMessage, GroupCounters, LinkCounters, LinkId, NodeRules } from "@sluice/model";
import type { RuleFailure } from "@sluice/rules";

export type AgentEvent = { readonly nowMs: number } & (
  | {
      /** Time has passed; at least every 100 ms. The first one starts the agent. */
      readonly kind: "tick";
    }
  | {
      /** The stream that a `connect` effect asked for is open. */
      readonly kind: "opened";
      readonly streamId: number;
    }
  | { readonly kind: "message"; readonly streamId: number; readonly message: ControllerMessage }
  | {
      /** The stream ended or could not be opened. */
      readonly kind: "closed";
      readonly streamId: number;
    }
  | {
      /** Answers `persist-term`: the pair is durable, or it is not (`ok` false) and the agent does not obey. */
      readonly kind: "persisted";
      readonly persistId: number;
      readonly ok: boolean;
    }
  | {
      /** Answers `apply`: no failures means the datapath holds all of it, else it holds nothing of it. */
      readonly kind: "applied";
      readonly applyId: number;
      readonly failures: readonly RuleFailure[];
    }
  | {
      /** A port changed its state. */
      readonly kind: "link-changed";
      readonly linkId: LinkId;
      readonly up: boolean;
    }
  | {
      /**
       * The datapath turned out to hold these rules, not those it was told: it restarted, or another hand changed it. It found them before
       * any stage that it has not answered for.
       */
      readonly kind: "rules-found";
      readonly rules: NodeRules;
    }
  | {
      /** Answers `read-counters`: totals since the agent's process started. */
      readonly kind: "count";
      readonly links: readonly LinkCounters[];
      readonly groups: readonly GroupCounters[];
    }
);
