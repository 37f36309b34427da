/** What the agent's machine remembers. Only `term`, `epoch` and, where the datapath outlives the agent, its rules survive a restart. */
import type { AgentMessage, ControllerMessage, Epoch, LinkId, RuleOperation, Term } from "@sluice/model";
import type { RuleTable } from "@sluice/rules";
import type { AgentConfig } from "../agent-config.js";
import type { AgentEffect } from "../agent-effect.js";
import type { PreparedScenarios } from "./prepared.js";

export interface Stream {
  readonly id: number;
  phase: "connecting" | "open" | "greeted" | "welcomed";
  lastHeardMs: number;
}

export type StageMessage = Extract<ControllerMessage, { kind: "stage" }>;
export type PrepareMessage = Extract<ControllerMessage, { kind: "prepare" }>;
export type Ack = Extract<AgentMessage, { kind: "ack" }>;
/** What is answered to messages that have a sequence. */
export type Answer = Ack | Extract<AgentMessage, { kind: "prepared" }>;

/** The one thing that the driver has been asked for and has not answered; the inbox waits for it. */
export type Busy =
  | {
      readonly kind: "persisting";
      readonly persistId: number;
      readonly term: Term;
      readonly epoch: Epoch;
      /** The message that needs the pair to be durable; none when its stream was lost meanwhile. */
      message: ControllerMessage | undefined;
    }
  | {
      readonly kind: "applying";
      readonly applyId: number;
      readonly stage: StageMessage;
      readonly operations: readonly RuleOperation[];
      readonly inverse: readonly RuleOperation[];
    };

export interface AgentState {
  readonly config: Required<AgentConfig>;
  nowMs: number;
  effects: AgentEffect[];
  /** Durable: the highest pair that the driver has confirmed. */
  termSeen: Term;
  epochSeen: Epoch;
  /** What the datapath holds; ahead of it while a stage is being applied. */
  table: RuleTable;
  readonly prepared: PreparedScenarios;
  readonly links: Map<LinkId, boolean>;
  stream: Stream | undefined;
  streamNext: number;
  /** Streams asked for since the last welcome. */
  attempts: number;
  readonly inbox: ControllerMessage[];
  busy: Busy | undefined;
  requestNext: number;
  /** Newest last: what was answered to stages and to what was prepared, for duplicates. */
  readonly answers: Answer[];
  /** Highest sequence of the term that was begun. */
  sequenceSeen: { term: Term; sequence: number };
  countersAskedMs: number | undefined;
}
