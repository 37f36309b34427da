/**
 * The push protocol between controller and agent, after gRIBI and P4Runtime: one bidirectional stream per agent.
 * These are domain types; `packages/wire` carries them over gRPC.
 *
 *   agent                          controller
 *     | hello ----------------------> |   identity, term and epoch seen, digest of what is installed
 *     | <--------------- welcome/read |   the controller's term; asks for the rules where the digest is not what it expects
 *     | rules ----------------------> |
 *     | <---------------------- stage |   operations under (term, epoch, stage, sequence)
 *     | <-------------------- prepare |   operations for scenarios, to be kept until a stage names one of them
 *     | ack RECEIVED, PROGRAMMED ---> |   or FAILED with a reason, per rule
 *     | link-event, counters -------> |
 */
import type { ScenarioId } from "./failure.js";
import type { FaultCode } from "./fault.js";
import type { LinkId, NodeId } from "./id.js";
import type { Epoch, Term } from "./plan.js";
import type { Rule, RuleKey, RuleOperation } from "./rule.js";

export type AgentMessage =
  | {
      readonly kind: "hello";
      readonly nodeId: NodeId;
      /** New with each start of the agent's process. */
      readonly bootId: string;
      readonly termSeen: Term;
      readonly epochSeen: Epoch;
      /** Digest of the installed rules (`digestOf` in packages/rules). */
      readonly digest: string;
      readonly ruleCount: number;
      /** How many rules the switch's tables hold. */
      readonly ruleCountMax: number;
      /** State of the node's outgoing links as its ports show it. */
      readonly links: readonly { readonly linkId: LinkId; readonly up: boolean }[];
    }
  | {
      readonly kind: "rules";
      readonly requestId: number;
      readonly rules: readonly Rule[];
      /** Rules come in chunks; the last one says so. */
      readonly last: boolean;
    }
  | {
      readonly kind: "ack";
      readonly term: Term;
      readonly epoch: Epoch;
      readonly stage: number;
      readonly sequence: number;
      readonly status: "received" | "programmed" | "failed";
      /** For `failed`: each operation that could not be applied. A stage is applied whole or not at all. */
      readonly failures: readonly { readonly key: RuleKey; readonly code: FaultCode; readonly reason: string }[];
      /** Digest after the stage. */
      readonly digest: string;
    }
  | {
      /** A message under a lower term than the agent has seen. */
      readonly kind: "refused";
      readonly sequence: number;
      readonly code: "stale-term" | "stale-epoch";
      readonly termSeen: Term;
      readonly epochSeen: Epoch;
    }
  | { readonly kind: "link-event"; readonly linkId: LinkId; readonly up: boolean }
  | {
      /** What the agent now keeps for scenarios of this plan; `refused` did not fit its memory. */
      readonly kind: "prepared";
      readonly term: Term;
      readonly epoch: Epoch;
      readonly sequence: number;
      readonly held: number;
      readonly refused: readonly ScenarioId[];
    }
  | {
      readonly kind: "counters";
      readonly links: readonly LinkCounters[];
      readonly groups: readonly GroupCounters[];
    }
  | { readonly kind: "pong"; readonly nonce: number };

export type ControllerMessage =
  | { readonly kind: "welcome"; readonly term: Term; readonly controllerId: string }
  | { readonly kind: "read-rules"; readonly term: Term; readonly requestId: number }
  | {
      readonly kind: "stage";
      readonly term: Term;
      readonly epoch: Epoch;
      readonly stage: number;
      /** Rises with every stage message to this agent within a term; a duplicate is answered, not applied again. */
      readonly sequence: number;
      readonly operations: readonly RuleOperation[];
      /**
       * Instead of operations: those that the agent was given for this scenario of the plan of that epoch. Where it has none the stage fails
       * as `not-found`, and the operations themselves follow.
       */
      readonly prepared?: { readonly epoch: Epoch; readonly scenarioId: ScenarioId } | undefined;
    }
  | {
      /** What to do in scenarios that have not happened: kept in memory, nothing is applied. */
      readonly kind: "prepare";
      readonly term: Term;
      /** Of the plan whose scenarios these are. */
      readonly epoch: Epoch;
      /** From the same counter as that of stages. */
      readonly sequence: number;
      /** Everything that is kept of other plans, or of this one, is dropped first. */
      readonly replaces: boolean;
      readonly scenarios: readonly { readonly scenarioId: ScenarioId; readonly operations: readonly RuleOperation[] }[];
    }
  | { readonly kind: "ping"; readonly nonce: number };

/** Totals since the agent's process started. */
export interface LinkCounters {
  readonly linkId: LinkId;
  readonly transmittedBytes: number;
  readonly droppedBytes: number;
}

/** Traffic of one ingress group: what arrived, and what the meter let through. */
export interface GroupCounters {
  readonly groupId: number;
  readonly offeredBytes: number;
  readonly admittedBytes: number;
}
