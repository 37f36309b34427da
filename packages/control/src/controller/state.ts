/** What the controller's machine remembers, by concern. Changed in place, only by the files of this folder. */
import type {
  AgentMessage,
  DemandMatrix,
  Epoch,
  FailureScenario,
  Fault,
  Faults,
  GroupCounters,
  LinkCounters,
  Link,
  LinkId,
  Node,
  NodeId,
  NodeRules,
  PlanSettings,
  RequestedBy,
  Result,
  Rule,
  RuleKey,
  RuleSet,
  ScenarioId,
  ScenarioSplit,
  Snapshot,
  Term,
  Topology,
} from "@sluice/model";
import type { Assignments, ScenarioOperations, Steps, WalkReport } from "@sluice/rules";
import type { ControllerConfig } from "../controller-config.js";
import type { ControllerEffect } from "../controller-effect.js";
import type { AgentView, ControllerView, GroupMeasurement, LinkMeasurement, PushView } from "../controller-view.js";
import type { CycleInputRecord, JournalEvent, PlanRecord } from "../inventory-record.js";
import type { AnswerInHand } from "./answer.js";
import type { Belief } from "./belief.js";
import type { Derivation } from "./derivation.js";
import type { ForecastState } from "./forecast.js";
import type { InventoryItem, InventoryRequest, InventoryWrite, OperationState } from "./inventory-request.js";
import type { PlanInHand } from "./plan-in-hand.js";
import type { ScenarioChoice } from "./scenario-choice.js";
import type { SplitVerifier } from "./split-verifier.js";
import type { PendingMessage, Update } from "./update.js";

export type * from "./inventory-request.js";

/** A plan that passed every check and is durable, with all that follows from it. */
export interface VerifiedPlan {
  readonly record: PlanRecord;
  readonly input: CycleInputRecord;
  readonly topology: Topology;
  readonly rules: RuleSet;
  /** Of each node's rules; a node without rules is left out. */
  readonly digests: ReadonlyMap<NodeId, string>;
  readonly walk: WalkReport;
  readonly assignmentsAfter: Assignments;
  /** Whose request it follows from, where it is one's. */
  readonly by?: RequestedBy | undefined;
  /** The scenario that is active: then rules, digests and walk are those with its operations on top, all else is the plan's own. */
  readonly active?: ActiveScenario | undefined;
}

/** A split that stood up, and what it means to switches. */
export interface PreparedScenario {
  readonly split: ScenarioSplit;
  /** Relative to the plan's rules. */
  readonly operations: ScenarioOperations;
  /** Of each of these switches with its operations on top of the plan's rules. */
  readonly digests: ReadonlyMap<NodeId, string>;
  /** What local repair brings back of what the split gives up finds no room on some link. */
  readonly crowded: boolean;
  readonly walk: {
    /** By index of the plan's links. */
    readonly loadBps: Float64Array;
    readonly utilizationMax: number;
    readonly lostBps: number;
  };
}

/** A scenario that the switches were told to change over to. */
export interface ActiveScenario {
  readonly scenarioId: ScenarioId;
  /** The plan itself. */
  readonly base: VerifiedPlan;
  /** The epoch under which agents were given its scenarios. */
  readonly epoch: Epoch;
  /** The relevant cables that it answers for. */
  readonly cableIds: ReadonlySet<LinkId>;
  /** When the first news came of the failures that it answers. */
  readonly newsMs: number;
  /** What brings a switch to the scenario's rules, whether it holds the plan's or those of the scenario that was active before. */
  readonly operations: ScenarioOperations;
}

export type ProtectionPhase =
  /** The plan asks for nothing. */
  | { readonly kind: "idle" }
  /** Splits are to be asked for, at this time. */
  | { readonly kind: "due"; readonly atMs: number }
  | { readonly kind: "splitting"; readonly protectId: number; readonly startedAtMs: number }
  | {
      readonly kind: "verifying";
      /** Makes the verifier. */
      readonly making: Steps<Result<SplitVerifier>>;
      verify: SplitVerifier | undefined;
      readonly splits: readonly ScenarioSplit[];
      next: number;
    }
  | { readonly kind: "ready" };

/** What is ready for failures, of one plan. */
export interface ProtectionState {
  /** The plan that the switches should hold, without what an active scenario changes. */
  plan: VerifiedPlan | undefined;
  /** What messages carry: the highest epoch sent when the plan became the target, so that no agent refuses them. */
  epoch: Epoch;
  phase: ProtectionPhase;
  asked: ReadonlyMap<ScenarioId, FailureScenario>;
  scenarios: Map<ScenarioId, PreparedScenario>;
  refused: Map<ScenarioId, Fault>;
  /** Of all scenarios together. */
  operationCount: number;
  /** What each ingress is to be given, in order. */
  byNode: Map<NodeId, ScenarioId[]>;
  choice: ScenarioChoice | undefined;
  failuresInRow: number;
  /** Since when links are down that no active scenario answers for. */
  newsMs: number | undefined;
  /** When links changed first since it was last looked at what they ask for. */
  changedMs: number | undefined;
  /** Where nothing could be activated, that is looked at again at this time. */
  lookAtMs: number;
  /** What was found for the topology as it was then. */
  down: { readonly topology: Topology; readonly cableIds: ReadonlySet<LinkId> } | undefined;
  /** The scenario that watchers believe to be active. */
  told: { readonly scenarioId: ScenarioId; readonly plan: VerifiedPlan } | undefined;
}

/** What an agent keeps of the scenarios, as far as it has said so. */
export interface PreparedAtAgent {
  readonly held: Set<ScenarioId>;
  readonly refused: Set<ScenarioId>;
  /** How many of the scenarios that concern its node were sent. */
  sent: number;
  /** The next message makes it drop what it kept before. */
  replaces: boolean;
  inFlight:
    | {
        readonly sequence: number;
        readonly sentAtMs: number;
        readonly scenarioIds: readonly ScenarioId[];
        readonly replaces: boolean;
      }
    | undefined;
}

/** How often a link went down of late (`damping.ts`). */
export interface LinkDamping {
  /** The figure of merit as it was at `atMs`: it decays. */
  readonly penalty: number;
  readonly atMs: number;
  suppressed: boolean;
  /** Whether watchers were told that it is suppressed. */
  isTold: boolean;
  /** Since when agents say that it is up again while it still counts as down. */
  heldSinceMs: number | undefined;
}

/** What is known of the network between this controller and its agents (`control-fault.ts`). */
export interface ControlNetworkState {
  /** When the streams of agents that have none now were lost. */
  readonly lostAtMs: Map<NodeId, number>;
  /** While too many agents are missing: nothing is solved, and nothing is sent but probes and questions. */
  frozen: { readonly sinceMs: number; readonly missing: readonly NodeId[] } | undefined;
}

export interface InventoryState {
  topology: Topology | undefined;
  topologyVersion: number | undefined;
  demands: DemandMatrix | undefined;
  demandsVersion: number | undefined;
  settings: PlanSettings;
  settingsVersion: number;
  readonly queue: InventoryRequest[];
  /** The first of the queue, where it brings a plan that is being verified. */
  inHand: PlanInHand | undefined;
  writing: { readonly persistId: number; readonly request: InventoryRequest; readonly write: InventoryWrite } | undefined;
  /** What the store may hold otherwise than this machine: a write that was said to have failed can have been done. */
  readonly restate: Set<InventoryItem["kind"]>;
  restateAtMs: number;
  /** Who says that a link is down. A link nobody complains about is up. */
  readonly reportedDown: Map<LinkId, Set<NodeId | "last-plan">>;
  /** Links that were down lately. */
  readonly damping: Map<LinkId, LinkDamping>;
  /** What was taken out of the topology and may still carry traffic, until a plan without it is in force. */
  readonly retired: {
    readonly nodes: Map<NodeId, Node>;
    readonly links: Map<LinkId, Link>;
    /** Label rules that retired nodes were last taken to hold. */
    readonly rules: Map<NodeId, NodeRules>;
  };
  /** The stored topology under the reported states; rebuilt where one of them changes. */
  effective: Topology | undefined;
  /** Rises with each change of the effective topology that makes plans for the one before it wrong. */
  revision: number;
}

export interface JournalState {
  readonly pending: JournalEvent[];
  writing: { readonly persistId: number; readonly events: readonly JournalEvent[] } | undefined;
  retryAtMs: number;
  dropped: number;
}

export type CyclePhase =
  | { readonly kind: "idle" }
  | {
      readonly kind: "solving";
      readonly solveId: number;
      readonly snapshot: Snapshot;
      readonly revision: number;
      readonly startedAtMs: number;
      readonly by: RequestedBy | undefined;
      /** How often rule tables were too small for what was answered before. */
      readonly tableAttempts: number;
      /** What the solver has answered, while it is verified. */
      answer?: AnswerInHand | undefined;
    }
  | {
      readonly kind: "persisting";
      readonly persistId: number;
      readonly plan: VerifiedPlan;
      readonly revision: number;
      readonly startedAtMs: number;
    };

export interface CycleState {
  phase: CyclePhase;
  /** Since when something is newer than the newest solve; undefined when nothing is. */
  topologyDirtyMs: number | undefined;
  demandsDirtyMs: number | undefined;
  lastStartMs: number | undefined;
  backoffUntilMs: number;
  failuresInRow: number;
  solves: number;
  failures: number;
  lastFaults: Faults | undefined;
  /** The newest solve gave no plan: the network stands on an older one. */
  kept: boolean;
  /** Whose request was the newest to ask for a plan since the newest solve. */
  by: RequestedBy | undefined;
  assignments: Assignments;
}

export interface PushState {
  /** The last plan that every switch was programmed with. */
  inForce: VerifiedPlan | undefined;
  /** What the switches should hold. */
  target: VerifiedPlan | undefined;
  purpose: PushView["purpose"];
  update: Update | undefined;
  /** An update that is being derived, or was ahead of time. */
  derivation?: Derivation | undefined;
  /** The update no longer fits what the switches hold or should hold: derive it again once no stage is on its way. */
  stale: boolean;
  /** A table was full: rules that nothing uses go first. `under-way` while an update does that. */
  sweep: "none" | "due" | "under-way";
  /** Switches hold what an earlier controller told them for a failure: better than the last plan, until a new one comes. */
  awaitsPlan: boolean;
  retryAtMs: number;
  failuresInRow: number;
  lastProgressMs: number;
  /** Highest epoch that any stage carried, or any agent has seen. */
  epochSent: Epoch;
  /** When traffic was last moved: removals of transit rules wait out the grace from here. */
  lastMoveMs: number;
  /** When flows last changed their way. */
  lastFlowMs: number;
  /** How long packets of that move may be under way, without queues, ms. */
  graceMs: number;
}

export interface Reading {
  readonly requestId: number;
  readonly askedMs: number;
  readonly rules: Map<RuleKey, Rule>;
}

/** A switch, by what is known of it and of its agent. */
export interface Switch {
  readonly nodeId: NodeId;
  streamId: number | undefined;
  bootId: string | undefined;
  ruleCountMax: number;
  connectedSinceMs: number | undefined;
  lastSeenMs: number | undefined;
  belief: Belief;
  /** The stage that its agent has still to answer for, on the stream that it has. */
  inFlight: { readonly sequence: number; readonly sentAtMs: number; readonly isPrepared: boolean } | undefined;
  prepared: PreparedAtAgent;
  /** With a belief of `either`: the message of the update that it is about. */
  pending: PendingMessage | undefined;
  reading: Reading | undefined;
  /** An operator wants its rules read, once it has answered for what is on its way to it. */
  isResyncDue: boolean;
  failure: AgentView["failure"];
  /** Totals of the last report, to make rates from. */
  counters:
    | { readonly atMs: number; readonly links: ReadonlyMap<LinkId, LinkCounters>; readonly groups: ReadonlyMap<number, GroupCounters> }
    | undefined;
}

export type Hello = Extract<AgentMessage, { kind: "hello" }>;

export interface Stream {
  readonly id: number;
  /** Whose agent it is by its certificate; undefined where agents are taken at their word. */
  readonly certified: NodeId | undefined;
  readonly openedAtMs: number;
  lastHeardMs: number;
  lastPingMs: number;
  /** Known after the hello. */
  nodeId: NodeId | undefined;
  /** A hello that came before there was a topology. */
  parked: Hello | undefined;
}

export interface ControllerState {
  readonly config: ControllerConfig;
  readonly term: Term;
  epoch: Epoch;
  nowMs: number;
  startedAtMs: number | undefined;
  /** When the grace of adoption began. */
  adoptFromMs: number | undefined;
  effects: ControllerEffect[];
  /** Why this controller does nothing any more. */
  superseded: string | undefined;
  /** Until every agent was heard, or the grace is over: nothing is pushed, and nothing solved that would replace a last plan. */
  adopting: boolean;
  /** Source of ids for solves, writes, reads and probes. */
  idLast: number;
  /** Of stage messages: one for all agents, so that no agent ever sees one twice in a term. */
  sequenceLast: number;
  readonly inventory: InventoryState;
  readonly operation: OperationState;
  readonly control: ControlNetworkState;
  readonly protection: ProtectionState;
  readonly journal: JournalState;
  readonly forecast: ForecastState;
  readonly cycle: CycleState;
  readonly push: PushState;
  readonly switches: Map<NodeId, Switch>;
  readonly streams: Map<number, Stream>;
  readonly linkMeasurements: Map<LinkId, LinkMeasurement>;
  readonly groupMeasurements: Map<NodeId, readonly GroupMeasurement[]>;
  viewCached: ControllerView | undefined;
}

export function nextId(state: ControllerState): number {
  state.idLast += 1;
  return state.idLast;
}
