/**
 * The packet walk: follows every bucket of every ingress rule through the rules of the switches, one look-up after the other, as
 * a packet would. It reads rules and topology only; it knows nothing of plans, assignments, or how rules were made.
 */
import {
  classMarking,
  prefixRange,
  trafficClasses,
  type Bucket,
  type IngressRule,
  type Link,
  type LinkId,
  type NodeId,
  type Rule,
  type RuleKey,
  type RuleSet,
  type Topology,
} from "@sluice/model";
import { loadTolerance, report, violationList, type WalkOptions, type WalkReport, type WalkViolationKind } from "./walk-report.js";

/** Where a way ends. `delivered` says where; whether that is right depends on the packet. */
export interface WayEnd {
  readonly kind: "delivered" | "lost" | Extract<WalkViolationKind, "loop" | "blackhole" | "dangling">;
  readonly at: NodeId;
}

interface Way extends WayEnd {
  /** Indices into `topology.links` of the links passed, in order. */
  readonly links: readonly number[];
}

/** What both walks need to know about the network. */
export class Ground {
  readonly links: readonly Link[];
  readonly #index: ReadonlyMap<LinkId, number>;
  readonly #isUp: readonly boolean[];
  readonly #ownerByPrefix: ReadonlyMap<string, NodeId>;
  readonly #topology: Topology;

  constructor(topology: Topology) {
    this.#topology = topology;
    this.links = topology.links;
    this.#index = new Map(topology.links.map((link, i) => [link.id, i]));
    const downNodes = new Set(topology.nodes.filter(({ operational }) => operational === "down").map(({ id }) => id));
    this.#isUp = topology.links.map(({ from, to, operational }) => operational === "up" && !downNodes.has(from) && !downNodes.has(to));
    this.#ownerByPrefix = new Map(topology.nodes.map(({ id, prefix }) => [prefix, id]));
  }

  /** The link's index where it leaves `from`; undefined where there is no such link. */
  linkFrom(from: NodeId, id: LinkId): number | undefined {
    const index = this.#index.get(id);
    return index !== undefined && this.links[index]?.from === from ? index : undefined;
  }

  isUp(index: number): boolean {
    return this.#isUp[index] ?? false;
  }

  /** The node behind which all addresses of the prefix are. */
  ownerOf(prefix: string): NodeId | undefined {
    const exact = this.#ownerByPrefix.get(prefix);
    const wanted = prefixRange(prefix);
    if (exact !== undefined || wanted === undefined) return exact;
    return this.#topology.nodes.find((node) => {
      const range = prefixRange(node.prefix);
      return range !== undefined && range.first <= wanted.first && wanted.last <= range.last;
    })?.id;
  }
}

/**
 * Walks a rule set in steady state. Violations: loops, blackholes (no rule for a label), packets popped at another node than the
 * one whose prefix they match, dangling references, wrong class marks, and links loaded beyond capacity. A link's load is
 * the sum of meter rate x weight share over the ways that pass it. O(ingress rules x buckets + tunnels x hops).
 */
export function walkRules(topology: Topology, rules: RuleSet, options: WalkOptions = {}): WalkReport {
  const ground = new Ground(topology);
  const violations = violationList();
  const ways = wayFinder(ground, rules);
  const rateOf = new Map<Way, number>();
  const checked = { nodes: topology.nodes.length, ingressRules: 0, buckets: 0, tunnels: 0, hops: 0, links: topology.links.length, lost: 0 };
  let lostBps = 0;

  for (const [nodeId, ofNode] of rules) {
    for (const [key, ingress] of ofNode) {
      if (ingress.kind !== "ingress") continue;
      checked.ingressRules += 1;
      const flow = entryOf(ground, { nodeId, key, ingress }, (reference) => ofNode.get(reference));
      for (const reason of flow.dangling) violations.add({ kind: "dangling", nodeId, key }, reason);
      for (const { bucket, rateBps } of flow.buckets) {
        checked.buckets += 1;
        if (bucket.mplsTc !== flow.mplsTc)
          violations.add({ kind: "wrong-class", nodeId, key, label: bucket.pushLabel }, wrongClass(nodeId, key));
        const way = ways.find(nodeId, bucket);
        const kind = violationOf(way, flow.egress, options);
        if (kind !== undefined) {
          const violation = { kind, nodeId, key, at: way.at, label: bucket.pushLabel };
          violations.add(violation, sentence(violation));
        }
        if (way.kind === "lost") {
          checked.lost += 1;
          lostBps += rateBps;
        }
        rateOf.set(way, (rateOf.get(way) ?? 0) + rateBps);
      }
    }
  }

  const loadBps = new Float64Array(topology.links.length);
  for (const [way, rateBps] of rateOf) {
    checked.tunnels += 1;
    checked.hops += way.links.length;
    for (const link of way.links) loadBps[link] = (loadBps[link] ?? 0) + rateBps;
  }
  topology.links.forEach((link, i) => {
    const load = loadBps[i] ?? 0;
    if (load > link.capacityBps * (1 + loadTolerance)) {
      violations.add({ kind: "overload", linkId: link.id }, `Link ${link.id} is to carry ${load} bps and has ${link.capacityBps} bps.`);
    }
  });
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

export function entryOf(
  ground: Ground,
  { nodeId, key, ingress }: { readonly nodeId: NodeId; readonly key: RuleKey; readonly ingress: IngressRule },
  lookup: (key: RuleKey) => Rule | undefined,
): Entry {
  const meter = lookup(`meter/${ingress.meterId}`);
  const group = lookup(`group/${ingress.groupId}`);
  const egress = ground.ownerOf(ingress.match.dstPrefix);
  const trafficClass = trafficClasses.find((name) => classMarking[name].dscp === ingress.match.dscp);
  const dangling: string[] = [];
  if (egress === undefined) dangling.push(`${key} of node ${nodeId} matches a prefix that no node has.`);
  if (meter?.kind !== "meter") dangling.push(`${key} of node ${nodeId} refers to meter ${ingress.meterId}, which is not installed.`);
  if (group?.kind !== "group") dangling.push(`${key} of node ${nodeId} refers to group ${ingress.groupId}, which is not installed.`);
  const buckets = group?.kind === "group" ? group.buckets : [];
  const rateBps = meter?.kind === "meter" ? meter.rateBps : 0;
  const weightSum = buckets.reduce((sum, { weight }) => sum + weight, 0);
  return {
    egress,
    mplsTc: trafficClass === undefined ? undefined : classMarking[trafficClass].mplsTc,
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
    dangling: "is sent to a link that does not leave",
  };
  return `Traffic of ${key} of node ${nodeId} under label ${label} ${what[kind] ?? kind} node ${at}.`;
}

export function wrongClass(nodeId: NodeId, key: RuleKey): string {
  return `${key} of node ${nodeId} sends its packets on under the mark of another class.`;
}

/** Follows each (first link, label) once. */
function wayFinder(ground: Ground, rules: RuleSet) {
  const known = new Map<number, Map<number, Way>>();
  return {
    find(nodeId: NodeId, { output, pushLabel }: Bucket): Way {
      const first = ground.linkFrom(nodeId, output);
      if (first === undefined) return { kind: "dangling", at: nodeId, links: [] };
      let byLabel = known.get(first);
      if (byLabel === undefined) known.set(first, (byLabel = new Map()));
      let way = byLabel.get(pushLabel);
      if (way === undefined) byLabel.set(pushLabel, (way = follow(first, pushLabel)));
      return way;
    },
  };

  function follow(first: number, label: number): Way {
    const key = `label/${label}`;
    const links: number[] = [];
    const passed = new Set<NodeId>();
    let next = first;
    for (;;) {
      const link = ground.links[next];
      if (link === undefined || !ground.isUp(next)) return { kind: "lost", at: link?.from ?? ("" as NodeId), links };
      links.push(next);
      const at = link.to;
      if (passed.has(at)) return { kind: "loop", at, links };
      passed.add(at);
      const rule = rules.get(at)?.get(key);
      if (rule?.kind !== "label") return { kind: "blackhole", at, links };
      if (rule.action.kind === "pop-deliver") return { kind: "delivered", at, links };
      const on = ground.linkFrom(at, rule.action.link);
      if (on === undefined) return { kind: "dangling", at, links };
      next = on;
    }
  }
}
