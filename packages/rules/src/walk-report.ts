/** What a packet walk says: the same shape as the plan checker's report, plain JSON. */
import { fault, type CheckReport, type Fault, type LinkId, type NodeId, type RuleKey, type Topology } from "@sluice/model";
import type { DownElements } from "./ground.js";

/** What can be wrong with a packet's way. Each is a fault `walk-failed` with `data.kind`. */
export type WalkViolationKind =
  | "loop"
  | "blackhole"
  | "wrong-egress"
  /** More labels than `stackDepthMax`, labels left where the packet is delivered, or none left where it is sent on. */
  | "stack"
  /** A rule refers to a meter, a group, a failover group or a link that is not there, or to a prefix that no node has. */
  | "dangling"
  /** A bucket marks packets with another class than the one the ingress rule matched. */
  | "wrong-class"
  | "overload"
  /** A flow is without an ingress rule in the middle of an update that did not announce it. */
  | "interrupted"
  /** After an update, a switch has another rule than the target says. */
  | "astray"
  /** Too many different ways to look at all of them: not proved, so not passed. */
  | "undecided";

export interface WalkReport extends CheckReport {
  /** What the meters admit into tunnels that lead over a link that is down and that nothing repairs, bps. */
  readonly lostBps: number;
  /** Loads above zero in link order: steady for `walkRules`, an upper bound of the peak for `walkUpdate`. */
  readonly linkLoads: readonly { readonly linkId: LinkId; readonly loadBps: number }[];
}

export interface WalkOptions extends DownElements {
  /**
   * What traffic toward a link that is down counts as: `lost` (the topology knows it, the next plan mends it; reported, no
   * violation) or `blackhole`. Default `lost`.
   */
  readonly downLinks?: "lost" | "blackhole";
}

/** Loads are compared with capacities to this relative tolerance (docs/architecture.md, I3). */
export const loadTolerance = 1e-6;

/** Most violations that a report lists; `checked.violations` counts all. */
export const violationsListedMax = 100;

export interface WalkViolation {
  readonly kind: WalkViolationKind;
  readonly nodeId?: NodeId;
  readonly key?: RuleKey;
  readonly linkId?: LinkId;
  readonly at?: NodeId;
  readonly label?: number;
}

/** Collects violations; lists the first and counts all. */
export function violationList() {
  const listed: Fault[] = [];
  let count = 0;
  return {
    listed,
    count: () => count,
    add(violation: WalkViolation, message: string): void {
      count += 1;
      if (listed.length >= violationsListedMax) return;
      listed.push(fault("walk-failed", message, { data: { ...violation } }));
    },
  };
}

/** Adds a violation for each link that is to carry more than it has. */
export function addOverloads(topology: Topology, loadBps: Float64Array, violations: ReturnType<typeof violationList>): void {
  topology.links.forEach((link, i) => {
    const load = loadBps[i] ?? 0;
    if (load > link.capacityBps * (1 + loadTolerance)) {
      violations.add({ kind: "overload", linkId: link.id }, `Link ${link.id} is to carry ${load} bps and has ${link.capacityBps} bps.`);
    }
  });
}

/** Loads above zero in link order, and the link that is fullest; the first of several. */
export function loadsOf(topology: Topology, loadBps: Float64Array) {
  let utilizationMax = 0;
  let fullestLinkId: LinkId | undefined;
  const linkLoads: { linkId: LinkId; loadBps: number }[] = [];
  topology.links.forEach((link, i) => {
    const load = loadBps[i] ?? 0;
    if (load <= 0) return;
    linkLoads.push({ linkId: link.id, loadBps: load });
    const utilization = link.capacityBps > 0 ? load / link.capacityBps : 0;
    if (utilization <= utilizationMax) return;
    utilizationMax = utilization;
    fullestLinkId = link.id;
  });
  return { utilizationMax, fullestLinkId, linkLoads };
}

export function report(
  topology: Topology,
  {
    loadBps,
    lostBps,
    checked,
    violations,
  }: {
    readonly loadBps: Float64Array;
    readonly lostBps: number;
    readonly checked: Readonly<Record<string, number>>;
    readonly violations: ReturnType<typeof violationList>;
  },
): WalkReport {
  const { utilizationMax, linkLoads } = loadsOf(topology, loadBps);
  return {
    verdict: violations.count() === 0 ? "pass" : "fail",
    checked: { ...checked, violations: violations.count() },
    violations: violations.listed,
    utilizationMax,
    lostBps,
    linkLoads,
  };
}
