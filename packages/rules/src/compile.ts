/**
 * From a plan to the rules of every switch:
 *
 *      ingress                       transit                egress
 *   (prefix, DSCP) -> meter        label -> output        label -> pop, deliver
 *        -> select group:          the tunnel's next
 *           push label, output     link
 *
 * and for what the plan holds ready: label rules of backup tunnels, failover groups and label rules of bypasses (`compile-repair.ts`).
 */
import {
  classMarking,
  fault,
  flowGroupId,
  ok,
  refuse,
  ruleKey,
  type Bucket,
  type Fault,
  type GroupRule,
  type IngressRule,
  type LabelAction,
  type LabelRule,
  type LinkId,
  type MeterRule,
  type NodeId,
  type NodeRules,
  type Plan,
  type Result,
  type Rule,
  type RuleKey,
  type RuleSet,
  type Topology,
  type Tunnel,
  type TunnelGroup,
  type TunnelId,
} from "@sluice/model";
import type { Assignments } from "./assignments.js";
import { repairsOf, type Repairs } from "./compile-repair.js";
import { sameRule } from "./diff.js";
import { burstBitsOf, meterRateBps, meterRateBpsMax } from "./meter.js";
import { allSteps, stepCostMax, type Steps } from "./steps.js";

/** A bucket's weight field has 16 bits (OpenFlow 1.3.5 section A.3.4.2). */
export const bucketWeightMax = 2 ** 16 - 1;

export interface CompileOptions {
  /**
   * Rules of an earlier plan. A rule that is as it was there is that very object: whoever compares rules, or knows something of them, sees at
   * once that nothing changed. What is compiled is the same with it and without.
   */
  readonly before?: RuleSet | undefined;
}

/**
 * Compiles a split plan. A meter's rate is the admitted rate in whole kb/s, rounded down; a flow group of which nothing is left
 * gets no rule, and a tunnel that no group uses gets no label rules, but in a protected plan: there a scenario may come to use any
 * tunnel of the plan and any backup tunnel, and they have their rules from the start. Failover groups and bypasses have rules where a
 * rule uses them, or could at the ingress of such a tunnel. Equal inputs give equal maps, in equal order of insertion.
 *
 * Faults: `dangling-reference` where the plan, the topology and the assignments do not fit each other; `out-of-range` where a rate
 * or a weight is more than OpenFlow holds; `not-allowed` where two rules of one switch claim one key (labels assigned twice), or a bypass
 * does not lead around its link. O(groups x tunnels per group + (tunnels + bypasses) x hops).
 */
export function compileRules(topology: Topology, plan: Plan, assignments: Assignments, options: CompileOptions = {}): Result<RuleSet> {
  return allSteps(compileRulesSteps(topology, plan, assignments, options));
}

/** `compileRules` in steps. */
export function* compileRulesSteps(
  topology: Topology,
  plan: Plan,
  assignments: Assignments,
  { before = new Map() }: CompileOptions = {},
): Steps<Result<RuleSet>> {
  const repairs = repairsOf(topology, plan, assignments);
  if (!repairs.ok) return repairs;
  const scene: CompileScene = { topology, tunnelById: tunnelsById(plan), assignments, repairs: repairs.value };
  const sink = ruleSink(before);
  const used = new Set<TunnelId>();
  let cost = 0;
  for (const group of plan.groups) {
    const rateBps = meterRateBps(group.admittedBps);
    if (rateBps === 0) continue;
    const rules = compileGroup(scene, group, rateBps);
    if (!rules.ok) return rules;
    const ofNode = sink.of(group.src);
    put(sink, ofNode, rules.value.meter);
    put(sink, ofNode, rules.value.group);
    put(sink, ofNode, rules.value.ingress);
    for (const { tunnelId } of group.members) used.add(tunnelId);
    cost += 3;
    if (cost >= stepCostMax) {
      yield cost;
      cost = 0;
    }
  }
  for (const tunnels of [plan.tunnels, plan.protection?.backupTunnels ?? []]) {
    for (const tunnel of tunnels) {
      if (plan.protection === undefined && !used.has(tunnel.id)) continue;
      const refused = compileTunnel(scene, tunnel, sink);
      if (refused !== undefined) return refuse(refused);
      cost += tunnel.path.length;
      if (cost >= stepCostMax) {
        yield cost;
        cost = 0;
      }
    }
  }
  for (const [nodeId, rule] of repairs.value.rules()) put(sink, sink.of(nodeId), rule);
  const [collision] = sink.collisions;
  return collision === undefined ? ok(sink.rules()) : refuse(collision);
}

/** What groups and tunnels are compiled from. */
export interface CompileScene {
  readonly topology: Topology;
  /** With backup tunnels. */
  readonly tunnelById: ReadonlyMap<TunnelId, Tunnel>;
  readonly assignments: Assignments;
  readonly repairs: Repairs;
}

/** The tunnels of a plan and its backup tunnels. */
export function tunnelsById(plan: Plan): ReadonlyMap<TunnelId, Tunnel> {
  return new Map([...plan.tunnels, ...(plan.protection?.backupTunnels ?? [])].map((tunnel) => [tunnel.id, tunnel]));
}

/** Ingress: flow entry, meter and select group of one flow group. Faults as for `compileRules`. */
export function compileGroup(
  { topology, tunnelById, assignments, repairs }: CompileScene,
  group: TunnelGroup,
  rateBps: number,
): Result<{ readonly meter: MeterRule; readonly group: GroupRule; readonly ingress: IngressRule }> {
  const id = flowGroupId(group);
  const number = assignments.ingressByNode.get(group.src)?.numberByGroup.get(id)?.number;
  if (number === undefined) return refuse(fault("dangling-reference", `The assignments have no group number for ${id}.`));
  const dst = topology.nodeById.get(group.dst);
  if (dst === undefined) return refuse(fault("dangling-reference", `The group ${id} ends at a node that the topology does not have.`));
  if (rateBps > meterRateBpsMax) {
    return refuse(fault("out-of-range", `${id} is admitted ${rateBps} bps; a meter holds ${meterRateBpsMax} bps at most.`));
  }
  const { dscp, mplsTc } = classMarking[group.trafficClass];
  const buckets: Bucket[] = [];
  for (const { tunnelId, weight } of group.members) {
    const tunnel = tunnelById.get(tunnelId);
    const label = assignments.labelByTunnel.get(tunnelId);
    const output = tunnel?.path[0];
    if (tunnel === undefined || output === undefined || label === undefined) {
      return refuse(fault("dangling-reference", `The group ${id} uses tunnel ${tunnelId}, which has no path or no label.`));
    }
    if (tunnel.src !== group.src || tunnel.dst !== group.dst) {
      return refuse(fault("dangling-reference", `The group ${id} uses tunnel ${tunnelId} from ${tunnel.src} to ${tunnel.dst}.`));
    }
    if (!Number.isInteger(weight) || weight < 1 || weight > bucketWeightMax) {
      return refuse(
        fault("out-of-range", `The group ${id} gives tunnel ${tunnelId} the weight ${weight}; it must be 1 to ${bucketWeightMax}.`),
      );
    }
    const failoverId = repairs.failoverIdOf(tunnel.path, 0);
    // A rule that is not repaired has no such field.
    const bucket = { weight, pushLabel: label, mplsTc, output };
    buckets.push(failoverId === undefined ? bucket : { ...bucket, failoverId });
  }
  if (buckets.length === 0) return refuse(fault("dangling-reference", `The group ${id} is admitted ${rateBps} bps and has no tunnel.`));
  return ok({
    meter: { kind: "meter", meterId: number, rateBps, burstBits: burstBitsOf(rateBps) },
    group: { kind: "group", groupId: number, buckets },
    ingress: { kind: "ingress", match: { dstPrefix: dst.prefix, dscp }, meterId: number, groupId: number },
  });
}

/** Transit and egress: one label rule at each node of the tunnel after the first. */
function compileTunnel({ topology, assignments, repairs }: CompileScene, tunnel: Tunnel, sink: RuleSink): Fault | undefined {
  const label = assignments.labelByTunnel.get(tunnel.id);
  if (label === undefined) return fault("dangling-reference", `The assignments have no label for tunnel ${tunnel.id}.`);
  const owner: LabelOwner = { match: { label }, key: `label/${label}` };
  let at = tunnel.src;
  let hop = 0;
  for (const linkId of tunnel.path) {
    const link = topology.linkById.get(linkId);
    if (link === undefined || link.from !== at) {
      return fault("dangling-reference", `Tunnel ${tunnel.id} takes link ${linkId} from ${at}, where the topology has no such link.`);
    }
    // The first hop is the buckets' own; its failover group is named here so that a scenario's buckets find it.
    const failoverId = repairs.failoverIdOf(tunnel.path, hop);
    if (hop > 0) putOutput(sink, sink.of(at), owner, link.id, failoverId);
    at = link.to;
    hop += 1;
  }
  if (at !== tunnel.dst) return fault("dangling-reference", `Tunnel ${tunnel.id} ends at ${at}, not at ${tunnel.dst}.`);
  putDeliver(sink, sink.of(at), owner);
  return undefined;
}

/** What the rules of one tunnel have in common. */
interface LabelOwner {
  readonly match: LabelRule["match"];
  readonly key: RuleKey;
}

/** The rules of one node in the making. */
interface NodeSink {
  readonly nodeId: NodeId;
  readonly rules: Map<RuleKey, Rule>;
  /** What the node had before; rules that are the same are kept. */
  readonly before: NodeRules | undefined;
}

/** Collects rules by node, those of `before` where they are the same; remembers keys that were claimed twice. */
interface RuleSink {
  readonly of: (nodeId: NodeId) => NodeSink;
  readonly rules: () => RuleSet;
  readonly collisions: Fault[];
}

function ruleSink(before: RuleSet): RuleSink {
  const nodes = new Map<NodeId, NodeSink>();
  return {
    of(nodeId) {
      let node = nodes.get(nodeId);
      if (node === undefined) nodes.set(nodeId, (node = { nodeId, rules: new Map(), before: before.get(nodeId) }));
      return node;
    },
    rules: () => new Map([...nodes].map(([nodeId, { rules }]) => [nodeId, rules])),
    collisions: [],
  };
}

function enter({ collisions }: RuleSink, { nodeId, rules }: NodeSink, key: RuleKey, rule: Rule): void {
  const { size } = rules;
  rules.set(key, rule);
  if (rules.size === size) collisions.push(fault("not-allowed", `Two rules of node ${nodeId} claim ${key}.`, { data: { nodeId, key } }));
}

function put(sink: RuleSink, node: NodeSink, rule: Rule): void {
  const key = ruleKey(rule);
  const old = node.before?.get(key);
  enter(sink, node, key, old !== undefined && sameRule(old, rule) ? old : rule);
}

// Most rules are label rules, and most of them stay from plan to plan: those are not even made.

function putOutput(sink: RuleSink, node: NodeSink, { match, key }: LabelOwner, link: LinkId, failoverId: number | undefined): void {
  const old = node.before?.get(key);
  if (old?.kind === "label" && old.match.label === match.label) {
    const { action } = old;
    if (action.kind === "output" && action.link === link && action.failoverId === failoverId) return enter(sink, node, key, old);
  }
  const action: LabelAction = failoverId === undefined ? { kind: "output", link } : { kind: "output", link, failoverId };
  enter(sink, node, key, { kind: "label", match, action });
}

function putDeliver(sink: RuleSink, node: NodeSink, { match, key }: LabelOwner): void {
  const old = node.before?.get(key);
  const isSame = old?.kind === "label" && old.match.label === match.label && old.action.kind === "pop-deliver";
  enter(sink, node, key, isSame ? old : { kind: "label", match, action: { kind: "pop-deliver" } });
}
