/** What the agent's machine is told at its start, and every limit it keeps. */
import type { Epoch, LinkId, NodeId, NodeRules, Term } from "@sluice/model";

export interface AgentConfig {
  readonly nodeId: NodeId;
  /** New with each start of the process. */
  readonly bootId: string;
  /** How many rules the switch's tables hold. */
  readonly ruleCountMax: number;
  /** How often counters are reported, ms. */
  readonly countersIntervalMs?: number;
  /** A controller that stayed silent for this long is taken for lost, ms. Longer than its `pingIntervalMs`. */
  readonly silenceMaxMs?: number;
  /** Wait before connecting again; doubles up to the maximum, ms. */
  readonly reconnectMinMs?: number;
  readonly reconnectMaxMs?: number;
  /** Rules in one message of a report. */
  readonly rulesPerMessageMax?: number;
  /** Messages that may wait while a term is made durable or a stage applied; beyond, the stream is closed. */
  readonly inboxMax?: number;
  /** Acknowledgements that are kept to answer duplicates. */
  readonly answersMax?: number;
  /** Operations that are kept for scenarios, over all of them; what does not fit is refused. */
  readonly preparedOperationsMax?: number;
}

export const agentConfigDefault = {
  countersIntervalMs: 1_000,
  silenceMaxMs: 15_000,
  reconnectMinMs: 200,
  reconnectMaxMs: 5_000,
  rulesPerMessageMax: 1_000,
  inboxMax: 64,
  answersMax: 16,
  preparedOperationsMax: 200_000,
} as const;

export interface AgentStart {
  /** The highest pair that was made durable; 0 and 0 for a new agent. */
  readonly termSeen: Term;
  readonly epochSeen: Epoch;
  /** State of the node's outgoing links. */
  readonly links: readonly { readonly linkId: LinkId; readonly up: boolean }[];
  /** What the datapath already holds, where it outlives the agent. */
  readonly rules?: NodeRules;
}
