/** A read-only picture of the controller for REST and metrics. Values are shared with the machine: do not mutate. */
import type {
  DemandMatrix,
  Epoch,
  Fault,
  Faults,
  LinkId,
  NodeId,
  OperationSettings,
  PlanSettings,
  Rung,
  RuleSet,
  ScenarioId,
  ScenarioSplit,
  Term,
  Topology,
} from "@sluice/model";
import type { WalkReport } from "@sluice/rules";
import type { CycleInputRecord, PlanRecord } from "./inventory-record.js";

export interface PlanView {
  readonly record: PlanRecord;
  readonly input: CycleInputRecord;
  readonly rules: RuleSet;
  /** Verdict of the packet walk on these rules. */
  readonly walk: WalkReport;
  /** Rules and walk are those of this scenario of the plan. */
  readonly scenarioId?: ScenarioId;
}

export interface AgentView {
  readonly nodeId: NodeId;
  /**
   * `absent`: no stream; `reading`: its rules were asked for; `synced`: what it holds is known, and nothing is under
   * way; `programming`: a stage was sent and is not acknowledged.
   */
  readonly state: "absent" | "reading" | "synced" | "programming";
  /** Whether the rules it holds are those of the target plan. */
  readonly onTarget: boolean;
  readonly bootId?: string;
  /** Digest of what it is known to hold; absent while that is not known. */
  readonly digest?: string;
  readonly ruleCount: number;
  readonly ruleCountMax: number;
  readonly lastSeenMs?: number;
  readonly connectedSinceMs?: number;
  /** Newest stage that it refused, until a plan was applied on every switch. */
  readonly failure?: { readonly epoch: Epoch; readonly code: string; readonly reason: string };
}

export interface PushView {
  readonly epoch: Epoch;
  /**
   * `apply` a new plan, `reconcile` switches that do not hold what they should, `roll-back` to the last good plan, or `activate` a
   * scenario of the plan.
   */
  readonly purpose: "apply" | "reconcile" | "roll-back" | "activate";
  readonly stages: number;
  /** Of the stages, those in which ingresses change over: more than one where links have no room for old and new at once. */
  readonly flips: number;
  /** Flow groups that are admitted less than both before and after meanwhile. */
  readonly throttled: number;
  readonly messages: number;
  readonly sent: number;
  readonly programmed: number;
  /** Nodes with a stage on its way. */
  readonly outstanding: readonly NodeId[];
  /** Nodes that still have messages to come and no stream. */
  readonly absent: readonly NodeId[];
  readonly startedAtMs: number;
}

export interface LinkMeasurement {
  readonly linkId: LinkId;
  /** Mean over the last interval between two reports, bps. */
  readonly transmittedBps: number;
  readonly droppedBps: number;
  readonly measuredAtMs: number;
}

/** Traffic of a node's ingress groups, mean over the last interval between two reports, bps. */
export interface GroupMeasurement {
  readonly nodeId: NodeId;
  readonly groupId: number;
  readonly offeredBps: number;
  readonly admittedBps: number;
  readonly measuredAtMs: number;
}

/** What is ready for failures (docs/protection.md). */
export interface ProtectionView {
  /** `none`: the plan asks for nothing; `due`: splits are about to be asked for, for the first time or again. */
  readonly phase: "none" | "due" | "splitting" | "verifying" | "ready";
  /** Of the plan that it is for. */
  readonly epoch: Epoch;
  /** How many scenarios splits were asked for. */
  readonly scenarios: number;
  /** Those that stood up, in the order in which they were checked. */
  readonly splits: readonly ScenarioSplit[];
  /** Those that did not, and why. */
  readonly refused: readonly { readonly scenarioId: ScenarioId; readonly fault: Fault }[];
  /** Scenarios where local repair of what the split gives up finds no room on some link. */
  readonly crowded: readonly ScenarioId[];
  /** Rule operations of all scenarios together. */
  readonly operations: number;
  /** The ingresses that are concerned by any, sorted by id. */
  readonly agents: readonly {
    readonly nodeId: NodeId;
    readonly concerned: number;
    readonly held: number;
    /** What the agent had no room for. */
    readonly refused: number;
  }[];
  /** The scenario that is active. */
  readonly active?: {
    readonly scenarioId: ScenarioId;
    /** When the first news of the failure came. */
    readonly newsMs: number;
    /** Whether all switches concerned have changed over. */
    readonly programmed: boolean;
  };
}

export interface ConfirmationView {
  readonly epoch: Epoch;
  /** ms since the Unix epoch. */
  readonly deadlineMs: number;
  /** The plan that comes back; 0 where there was none. */
  readonly previousEpoch: Epoch;
}

/** A link that was down lately. */
export interface DampedLink {
  readonly linkId: LinkId;
  /** 1,000 for each fall, halved with time (RFC 2439). */
  readonly penalty: number;
  /** It counts as down until its penalty has decayed. */
  readonly suppressed: boolean;
  /** It counts as down although its agents say that it is up: it is suppressed, or came up just now. */
  readonly heldDown: boolean;
}

/** The controller does nothing but listen: the network between it and its agents is at fault. */
export interface FrozenView {
  readonly sinceMs: number;
  /** Nodes whose agents were lost and whose neighbours see them alive; sorted. */
  readonly missing: readonly NodeId[];
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not; one sentence each. */
  readonly reasons: readonly string[];
  /** Whether rules may be deleted: topology known, a verified plan in force, every agent of the update known. */
  readonly deletionsAllowed: boolean;
}

export interface ControllerView {
  readonly controllerId: string;
  readonly term: Term;
  /** Of the newest persisted plan; 0 without one. */
  readonly epoch: Epoch;
  readonly nowMs: number;
  /** With the operational states that agents report on top of the stored ones. */
  readonly topology?: Topology;
  /** Without what agents report. */
  readonly topologyStored?: Topology;
  /** Version of the stored topology. */
  readonly topologyVersion?: number;
  /** Links that are down because an agent says so. */
  readonly linksReportedDown: readonly LinkId[];
  /** Links with a penalty, sorted by id. */
  readonly linksDamped: readonly DampedLink[];
  readonly frozen?: FrozenView;
  readonly demands?: DemandMatrix;
  readonly demandsVersion?: number;
  readonly settings: PlanSettings;
  /** 0 while the default settings hold. */
  readonly settingsVersion: number;
  readonly operation: OperationSettings;
  /** 0 while nobody has set anything about operating. Confirmations count, too. */
  readonly operationVersion: number;
  /** The plan that is taken back unless it is confirmed by then. */
  readonly confirmation?: ConfirmationView;
  /** The last plan that every switch was programmed with. */
  readonly planInForce?: PlanView;
  /** The plan that is being pushed, while it is not in force. */
  readonly planPending?: PlanView;
  /** What the network stands on: that of the newest plan, or `kept` when the newest solve gave none. Absent without a plan. */
  readonly rung?: Rung;
  readonly cycle: {
    readonly phase: "idle" | "solving" | "persisting";
    readonly startedAtMs?: number;
    /** Solves since the controller started, and how many of them gave no plan. */
    readonly solves: number;
    readonly failures: number;
    readonly lastFaults?: Faults;
  };
  readonly push?: PushView;
  /** Absent without a plan. */
  readonly protection?: ProtectionView;
  /** One for each node of the topology, sorted by id. */
  readonly agents: readonly AgentView[];
  readonly linkMeasurements: ReadonlyMap<LinkId, LinkMeasurement>;
  readonly groupMeasurements: ReadonlyMap<NodeId, readonly GroupMeasurement[]>;
  readonly readiness: Readiness;
}
