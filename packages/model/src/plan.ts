/**
 * A plan: the answer to one snapshot. Plain JSON without clock readings, so the same inputs give the same bytes;
 * durations are kept beside it, in `PlanTimings`.
 */
import type { DemandMatrix, FlowGroup } from "./demand.js";
import type { Fault } from "./fault.js";
import type { FailureScenario } from "./failure.js";
import type { LinkId, NodeId } from "./id.js";
import type { ClassGuarantee, PlanProtection } from "./protection.js";
import type { ObjectiveName, PlanSettings } from "./settings.js";
import type { TopologyDocument } from "./topology.js";
import type { TrafficClass } from "./traffic-class.js";
import type { Tunnel } from "./tunnel.js";

/** Plan number: rises by one with each plan of a controller's store, never repeats. */
export type Epoch = number;
/** Leadership number: rises with each controller that takes the lead. */
export type Term = number;

/** Everything that a plan depends on. Its canonical JSON is hashed and stored: any cycle can be run again. */
export interface Snapshot {
  readonly topology: TopologyDocument;
  readonly demands: DemandMatrix;
  readonly settings: PlanSettings;
}

/** How good the answer is, from best to worst: the ladder (docs/architecture.md). */
export const rungs = ["optimal", "feasible", "greedy", "kept"] as const;
export type Rung = (typeof rungs)[number];

/**
 * How far a class's answer is from the optimum on its candidate tunnels and on the capacity left by higher classes.
 * `bound` follows from `linkPrices` alone by weak duality; anyone can recompute it (docs/certificates.md).
 */
export interface Certificate {
  readonly objective: ObjectiveName;
  /** Whether a larger value is better. */
  readonly sense: "maximize" | "minimize";
  /** `bps`, `bps*ms`, or `1` for utilizations and fractions. */
  readonly unit: "bps" | "bps*ms" | "1";
  readonly value: number;
  /** Absent for an objective without a dual bound (shortest-path) or where the solver gave no usable prices. */
  readonly bound?: number | undefined;
  /** Relative: |bound - value| / max(|value|, |bound|, tiny). */
  readonly gap?: number | undefined;
  /** Dual prices of capacity, all >= 0, zero prices left out, sorted by link. Unit of the objective per bps. */
  readonly linkPrices: readonly { readonly linkId: LinkId; readonly price: number }[];
}

export interface ClassPlan {
  readonly trafficClass: TrafficClass;
  readonly rung: Rung;
  readonly solver: string;
  readonly demandBps: number;
  /** What the solver allotted, before quantization. */
  readonly allottedBps: number;
  /** What the meters admit, after quantization. */
  readonly admittedBps: number;
  readonly certificate: Certificate;
  /** Why the class does not stand on the first rung, and what its answer lacks though it does. */
  readonly notes: readonly string[];
  /** What the class is promised and what that costs; left out where it is promised nothing that costs. */
  readonly guarantee?: ClassGuarantee | undefined;
}

/** The weighted tunnels that carry one flow group. */
export interface TunnelGroup extends FlowGroup {
  readonly demandBps: number;
  /** What the ingress meter lets in. */
  readonly admittedBps: number;
  /** Tunnels with a positive weight, in a defined order. Flow on a tunnel is admittedBps x weight / sum of weights. */
  readonly members: readonly {
    readonly tunnelId: Tunnel["id"];
    /** What the solver allotted, before quantization. */
    readonly allottedBps: number;
    readonly weight: number;
  }[];
}

export interface CheckReport {
  readonly verdict: "pass" | "fail";
  /** Counts of what was looked at, e.g. links, flow groups, tunnels. */
  readonly checked: Readonly<Record<string, number>>;
  readonly violations: readonly Fault[];
  readonly utilizationMax: number;
}

export interface Plan {
  /** SHA-256 of the snapshot's canonical JSON, hex. */
  readonly inputHash: string;
  readonly rung: Rung;
  readonly classes: readonly ClassPlan[];
  /** Tunnels with positive weight in some group, sorted by id. */
  readonly tunnels: readonly Tunnel[];
  /** Sorted by flow group; groups that were admitted nothing are left out. */
  readonly groups: readonly TunnelGroup[];
  /** Demands for which no tunnel exists. */
  readonly unroutable: readonly FlowGroup[];
  /**
   * Where something is soft-drained: `avoided`, the plan is made as if that were drained, and certificates are of the network without it; `used`,
   * some traffic stays on it because nothing else carries it.
   */
  readonly softDrained?: "avoided" | "used" | undefined;
  /** What is held ready for failures; left out where the settings ask for none of it. */
  readonly protection?: PlanProtection | undefined;
  readonly check: CheckReport;
}

/** What ingresses switch to when a scenario happens: groups that change, on tunnels and backups that are installed already. */
export interface ScenarioSplit {
  readonly scenario: FailureScenario;
  /**
   * The groups that are other than in the plan, sorted by flow group. A group whose every tunnel and backup is gone keeps its members and is
   * admitted nothing, so that its traffic takes no room on the way to where it is lost; it is left as it is where its own node is gone,
   * or where bypasses may bring it through.
   */
  readonly groups: readonly TunnelGroup[];
  /** Admitted by the plan and not carried under the split. */
  readonly lostBps: Readonly<Record<TrafficClass, number>>;
  /**
   * No split of the groups that are free to change would lose less, with the others and the classes above as they are: from link prices,
   * by weak duality. Where it meets `lostBps` the split is the best there is. Left out where it was not sought.
   */
  readonly lostBpsMin?: Readonly<Record<TrafficClass, number>> | undefined;
  readonly utilizationMax: number;
  /** Where that is; absent where nothing is carried. */
  readonly fullestLinkId?: LinkId | undefined;
}

/** Seconds per stage of making a plan, e.g. tunnels, solve, quantize, check. Never part of the plan. */
export type PlanTimings = Readonly<Record<string, number>>;

/** Load of each link by class as planned. */
export interface LinkLoad {
  readonly linkId: LinkId;
  readonly from: NodeId;
  readonly to: NodeId;
  readonly capacityBps: number;
  readonly loadBps: number;
  readonly loadBpsByClass: Readonly<Record<TrafficClass, number>>;
}
