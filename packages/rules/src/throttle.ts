/**
 * Which flows must shrink before the others may grow. While old and new rates overlap, a link may carry the larger of both of
 * every flow; where that is too much, flows that leave the link first go to the meet of old and new.
 */
import { classMarking, type NodeId, type RuleKey, type Topology } from "@sluice/model";
import type { Flow } from "./flow.js";
import { tunnelRates } from "./flow.js";
import { meetOf } from "./meet.js";
import { stepCostMax, type Steps } from "./steps.js";
import type { TunnelTracer } from "./tunnel-trace.js";

/** A flow that the update changes: `before` absent for a new one, `after` absent for one that goes. */
export interface FlowChange {
  readonly nodeId: NodeId;
  readonly key: RuleKey;
  readonly before: Flow | undefined;
  readonly after: Flow | undefined;
  /** Whether it is out of the way already when the loads change over: its label had to be freed first. */
  readonly paused: boolean;
}

/** What a flow goes through between before and after: a smaller flow, or none at all. */
export type Between = { readonly kind: "meet"; readonly meet: NonNullable<ReturnType<typeof meetOf>> } | { readonly kind: "none" };

export interface Throttles {
  readonly between: ReadonlyMap<FlowChange, Between>;
  /** For each node where a flow raises the load of a crowded link: the nodes whose throttles make the room. */
  readonly waitsFor: ReadonlyMap<NodeId, ReadonlySet<NodeId>>;
}

type Loads = ReadonlyMap<number, number>;

/** Loads are compared with this relative tolerance: sums of a million floats. */
const tolerance = 1e-9;

/**
 * Chooses throttles, those of the least important class first and of these the largest relief, until on every link the sum over flows of max(old, new), a throttled flow
 * counting with what it has left, is within (1 + slack) x capacity (or within what is carried today or will be in the end, where that is more).
 * First by meets; where those do not make room, by taking a flow out. A throttle never raises a load, so links are
 * visited once for each of the two means: O(changes x hops + crowded links x changes).
 */
export function* chooseThrottles(input: {
  readonly topology: Topology;
  readonly slack: number;
  /** Load of each link under the installed rules, holes in tunnels mended, bps. */
  readonly installedBps: Float64Array;
  /** The same while label rules change under flows that stay: more only where links are down and other failover groups repair. */
  readonly stayingBps: Float64Array;
  /** Load of each link under the target's rules, where that may be more than it has room for: packets that are being repaired. */
  readonly targetBps?: Float64Array | undefined;
  readonly changes: readonly FlowChange[];
  readonly traceInstalled: TunnelTracer;
  readonly traceTarget: TunnelTracer;
  /** Whether a flow shares its meter or group with another one: then these cannot shrink for it alone. */
  readonly isShared: (change: FlowChange) => boolean;
}): Steps<Throttles> {
  const { topology, changes, installedBps, stayingBps } = input;
  const steps: { readonly change: FlowChange; readonly before: Loads; readonly after: Loads }[] = [];
  for (const change of changes) {
    steps.push({ change, before: loadsOf(change.before, input.traceInstalled), after: loadsOf(change.after, input.traceTarget) });
    if (steps.length % stepCostMax === 0) yield stepCostMax;
  }
  const peakBps = Float64Array.from(stayingBps);
  for (const { before, after } of steps) {
    for (const [link, bps] of after) add(peakBps, link, Math.max(0, bps - (before.get(link) ?? 0)));
  }
  const limitBps = topology.links.map(
    (link, i) => Math.max(link.capacityBps * (1 + input.slack), installedBps[i] ?? 0, input.targetBps?.[i] ?? 0) * (1 + tolerance),
  );
  const isTooFullInTheEnd = (link: number) =>
    (input.targetBps?.[link] ?? 0) > (topology.links[link]?.capacityBps ?? 0) * (1 + input.slack) * (1 + tolerance);
  const crowded = limitBps.flatMap((limit, link) => ((peakBps[link] ?? 0) > limit ? [link] : []));
  const between = new Map<FlowChange, Between>();
  if (crowded.length === 0) return { between, waitsFor: new Map() };

  const isCrowded = new Set(crowded);
  const stepsOn = new Map<number, (typeof steps)[number][]>();
  for (const step of steps) {
    for (const link of step.before.keys()) {
      if (!isCrowded.has(link)) continue;
      const there = stepsOn.get(link);
      if (there === undefined) stepsOn.set(link, [step]);
      else there.push(step);
    }
  }

  const current = new Map(steps.map((step) => [step, step.change.paused ? none : step.before]));
  const meets = new Map<FlowChange, Smaller | undefined>();
  const smallerOf = (change: FlowChange, means: Between["kind"]): Smaller | undefined => {
    if (means === "none") return { between: { kind: "none" }, loads: none };
    if (!meets.has(change)) meets.set(change, meetStep(change, input));
    return meets.get(change);
  };
  for (const { change, before, after } of steps) {
    if (change.paused) for (const link of before.keys()) add(peakBps, link, -relief(link, after, before, none));
  }
  for (const means of ["meet", "none"] as const) {
    for (const link of crowded) {
      // Nothing is taken out for a link that will be too full in the end as well.
      if (means === "none" && isTooFullInTheEnd(link)) continue;
      if ((peakBps[link] ?? 0) <= (limitBps[link] ?? 0)) continue;
      const offers = (stepsOn.get(link) ?? [])
        .filter(({ change }) => !change.paused && between.get(change)?.kind !== "none")
        // What does not leave the link cannot relieve it.
        .filter((step) => (current.get(step)?.get(link) ?? 0) > (step.after.get(link) ?? 0))
        .map((step) => {
          const smaller = smallerOf(step.change, means);
          return { step, smaller, gainBps: smaller === undefined ? 0 : relief(link, step.after, current.get(step) ?? none, smaller.loads) };
        })
        .filter(({ gainBps }) => gainBps > 0)
        .sort((a, b) => importanceOf(a.step.change) - importanceOf(b.step.change) || b.gainBps - a.gainBps);
      for (const { step, smaller } of offers) {
        if ((peakBps[link] ?? 0) <= (limitBps[link] ?? 0) || smaller === undefined) break;
        for (const [on] of step.before) add(peakBps, on, -relief(on, step.after, current.get(step) ?? none, smaller.loads));
        between.set(step.change, smaller.between);
        current.set(step, smaller.loads);
      }
      yield offers.length;
    }
  }

  const relieving = new Map<number, Set<NodeId>>();
  for (const step of steps) {
    if (!step.change.paused && !between.has(step.change)) continue;
    for (const [link, bps] of step.before) {
      if (!isCrowded.has(link) || bps <= (current.get(step)?.get(link) ?? 0)) continue;
      const nodes = relieving.get(link);
      if (nodes === undefined) relieving.set(link, new Set([step.change.nodeId]));
      else nodes.add(step.change.nodeId);
    }
  }
  // A node's flows change over together, so it is told once for all of them what they wait for.
  const growing = new Map<NodeId, Set<number>>();
  for (const step of steps) {
    for (const [link, bps] of step.after) {
      if (!relieving.has(link) || bps <= (current.get(step)?.get(link) ?? 0)) continue;
      const links = growing.get(step.change.nodeId);
      if (links === undefined) growing.set(step.change.nodeId, new Set([link]));
      else links.add(link);
    }
  }
  const waitsFor = new Map<NodeId, Set<NodeId>>();
  for (const [nodeId, links] of growing) {
    const nodes = new Set<NodeId>();
    for (const link of links) for (const node of relieving.get(link) ?? []) nodes.add(node);
    waitsFor.set(nodeId, nodes);
  }
  return { between, waitsFor };
}

const none: Loads = new Map();

/** What a flow may shrink to, and what that loads. */
interface Smaller {
  readonly between: Between;
  readonly loads: Loads;
}

function meetStep(
  change: FlowChange,
  { traceInstalled, isShared }: { readonly traceInstalled: TunnelTracer; readonly isShared: (change: FlowChange) => boolean },
): Smaller | undefined {
  if (change.before === undefined || isShared(change)) return undefined;
  if (change.after === undefined) return { between: { kind: "none" }, loads: none };
  const meet = meetOf(change.before, change.after);
  if (meet === undefined) return undefined;
  return { between: { kind: "meet", meet }, loads: loadsOf({ ...change.before, ...meet }, traceInstalled) };
}

const importance = new Map(Object.values(classMarking).map(({ dscp, mplsTc }) => [dscp, mplsTc]));

/** The queue that the flow's packets are served from; 0, the least, where the marking is of no class. */
function importanceOf({ before, after }: FlowChange): number {
  const dscp = (before ?? after)?.ingress.match.dscp;
  return dscp === undefined ? 0 : (importance.get(dscp) ?? 0);
}

/** By how much the peak of a link falls where a flow waits at `smaller` instead of `current`. */
function relief(link: number, after: Loads, current: Loads, smaller: Loads): number {
  const end = after.get(link) ?? 0;
  return Math.max(current.get(link) ?? 0, end) - Math.max(smaller.get(link) ?? 0, end);
}

function loadsOf(flow: Flow | undefined, trace: TunnelTracer): Loads {
  const loads = new Map<number, number>();
  if (flow === undefined) return loads;
  for (const { bucket, rateBps } of tunnelRates(flow)) {
    for (const link of trace(bucket).links) loads.set(link, (loads.get(link) ?? 0) + rateBps);
  }
  return loads;
}

function add(values: Float64Array, index: number, amount: number): void {
  values[index] = (values[index] ?? 0) + amount;
}
