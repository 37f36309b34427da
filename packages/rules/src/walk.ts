/**
 * The packet walk: follows every bucket of every ingress rule through the rules of the switches, one look-up after the other, as
 * a packet would. It reads rules and topology only; it knows nothing of plans, assignments, or how rules were made.
 */
import {
  classMarking,
  trafficClasses,
  type Bucket,
  type IngressRule,
  type NodeId,
  type Rule,
  type RuleKey,
  type RuleSet,
  type Topology,
} from "@sluice/model";
import { Ground } from "./ground.js";
import { danglingRepairs } from "./repair-references.js";
import { allSteps, stepCostMax, type Steps } from "./steps.js";
import { addOverloads, report, violationList, type WalkOptions, type WalkReport, type WalkViolationKind } from "./walk-report.js";
import { wayFinder, type WayEnd } from "./way.js";

/**
 * Walks a rule set in steady state: where links are down (by the topology or the options), packets go as failover groups send them.
 * Violations: loops, blackholes (no rule for a label), labels too many or too few, packets popped at another node than the
 * one whose prefix they match, dangling references, wrong class marks, and links loaded beyond capacity. A link's load is
 * the sum of meter rate x weight share over the ways that pass it, as often as they do. O(rules + ingress rules x buckets + tunnels x hops).
 */
export function walkRules(topology: Topology, rules: RuleSet, options: WalkOptions = {}): WalkReport {
  return allSteps(walkRulesSteps(topology, rules, options));
}

/** `walkRules` in steps; the rules may not change in between. */
export function* walkRulesSteps(topology: Topology, rules: RuleSet, options: WalkOptions = {}): Steps<WalkReport> {
  const ground = new Ground(topology, options);
  const violations = violationList();
  const ways = wayFinder({ ground, up: ground.states(), lookup: (nodeId, key) => rules.get(nodeId)?.get(key), repairs: true });
  const checked = {
    nodes: topology.nodes.length,
    ingressRules: 0,
    buckets: 0,
    tunnels: 0,
    hops: 0,
    links: topology.links.length,
    lost: 0,
    repaired: 0,
  };
  let lostBps = 0;
  let cost = 0;

  for (const [nodeId, ofNode] of rules) {
    for (const { key, reason } of danglingRepairs(ground, nodeId, ofNode)) violations.add({ kind: "dangling", nodeId, key }, reason);
    cost += ofNode.size / 4;
    for (const [key, ingress] of ofNode) {
      if (ingress.kind !== "ingress") continue;
      if (cost >= stepCostMax) {
        yield cost;
        cost = 0;
      }
      checked.ingressRules += 1;
      const flow = entryOf(ground, { nodeId, key, ingress }, (reference) => ofNode.get(reference));
      for (const reason of flow.dangling) violations.add({ kind: "dangling", nodeId, key }, reason);
      for (const { bucket, rateBps } of flow.buckets) {
        checked.buckets += 1;
        cost += 1;
        if (bucket.mplsTc !== flow.mplsTc)
          violations.add({ kind: "wrong-class", nodeId, key, label: bucket.pushLabel }, wrongClass(nodeId, key));
        const found = ways.find(nodeId, bucket);
        const { way } = found;
        const kind = violationOf(way, flow.egress, options);
        if (kind !== undefined) {
          const violation = { kind, nodeId, key, at: way.at, label: bucket.pushLabel };
          violations.add(violation, sentence(violation));
        }
        if (way.repairs > 0) checked.repaired += 1;
        if (way.kind === "lost") {
          checked.lost += 1;
          lostBps += rateBps;
        }
        found.rateBps += rateBps;
      }
    }
  }

  const loadBps = new Float64Array(topology.links.length);
  for (const { way, rateBps } of ways.found) {
    checked.tunnels += 1;
    checked.hops += way.links.length;
    for (const link of way.links) loadBps[link] = (loadBps[link] ?? 0) + rateBps;
  }
  addOverloads(topology, loadBps, violations);
  return report(topology, { loadBps, lostBps, checked, violations });
}

/** An ingress rule with what it refers to. */
export interface Entry {
  readonly egress: NodeId | undefined;
  readonly mplsTc: number | undefined;
  readonly buckets: readonly { readonly bucket: Bucket; readonly rateBps: number }[];
  /** What is missing, in words. */
  readonly dangling: readonly string[];
}

const mplsTcByDscp: ReadonlyMap<number, number> = new Map(
  trafficClasses.map((name) => [classMarking[name].dscp, classMarking[name].mplsTc]),
);

export function entryOf(
  ground: Ground,
  { nodeId, key, ingress }: { readonly nodeId: NodeId; readonly key: RuleKey; readonly ingress: IngressRule },
  lookup: (key: RuleKey) => Rule | undefined,
): Entry {
  const meter = lookup(`meter/${ingress.meterId}`);
  const group = lookup(`group/${ingress.groupId}`);
  const egress = ground.ownerOf(ingress.match.dstPrefix);
  const dangling: string[] = [];
  if (egress === undefined) dangling.push(`${key} of node ${nodeId} matches a prefix that no node has.`);
  if (meter?.kind !== "meter") dangling.push(`${key} of node ${nodeId} refers to meter ${ingress.meterId}, which is not installed.`);
  if (group?.kind !== "group") dangling.push(`${key} of node ${nodeId} refers to group ${ingress.groupId}, which is not installed.`);
  const buckets = group?.kind === "group" ? group.buckets : [];
  const rateBps = meter?.kind === "meter" ? meter.rateBps : 0;
  let weightSum = 0;
  for (const { weight } of buckets) weightSum += weight;
  return {
    egress,
    mplsTc: mplsTcByDscp.get(ingress.match.dscp),
    buckets: buckets.map((bucket) => ({ bucket, rateBps: (rateBps * bucket.weight) / weightSum })),
    dangling,
  };
}

/** What is wrong with a way for a packet that belongs to `egress`. */
export function violationOf(end: WayEnd, egress: NodeId | undefined, { downLinks = "lost" }: WalkOptions): WalkViolationKind | undefined {
  switch (end.kind) {
    case "delivered":
      return end.at === egress || egress === undefined ? undefined : "wrong-egress";
    case "lost":
      return downLinks === "lost" ? undefined : "blackhole";
    default:
      return end.kind;
  }
}

export function sentence({
  kind,
  nodeId,
  key,
  at,
  label,
}: {
  kind: WalkViolationKind;
  nodeId: NodeId;
  key: RuleKey;
  at: NodeId;
  label: number;
}) {
  const what: Partial<Record<WalkViolationKind, string>> = {
    loop: "comes back to",
    blackhole: "finds no way on at",
    "wrong-egress": "is delivered at",
    dangling: "is sent to a link or a failover group that is not there at",
    stack: "has more or fewer labels than it should at",
  };
  return `Traffic of ${key} of node ${nodeId} under label ${label} ${what[kind] ?? kind} node ${at}.`;
}

export function wrongClass(nodeId: NodeId, key: RuleKey): string {
  return `${key} of node ${nodeId} sends its packets on under the mark of another class.`;
}
