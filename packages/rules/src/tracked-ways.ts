/** All ways of a rule set while nothing more fails, found once and indexed, so that what changes them is seen at the price of the change. */
import {
  classMarking,
  trafficClasses,
  type Bucket,
  type IngressRule,
  type NodeId,
  type Rule,
  type RuleKey,
  type RuleSet,
} from "@sluice/model";
import type { Ground } from "./ground.js";
import { danglingRepairs } from "./repair-references.js";
import { stepCostMax, type Steps } from "./steps.js";
import { Tally } from "./tally.js";
import { entryOf, sentence, violationOf, wrongClass } from "./walk.js";
import type { WalkViolation } from "./walk-report.js";
import { followWay, type Way, type WayScene } from "./way.js";

/** A flow's bucket, and the way that it sends a part of the flow on. */
export interface Use {
  readonly flow: TrackedFlow;
  readonly bucket: Bucket;
  readonly rateBps: number;
  readonly tracked: TrackedWay;
}

/** What the packets of some buckets at one node have in common; `way` is how they go while nothing more fails. */
export interface TrackedWay {
  readonly nodeId: NodeId;
  readonly bucket: Bucket;
  readonly way: Way;
  readonly uses: Use[];
}

/** One ingress rule. */
export interface TrackedFlow {
  readonly nodeId: NodeId;
  readonly key: RuleKey;
  readonly ingress: IngressRule;
  readonly egress: NodeId | undefined;
  readonly mplsTc: number | undefined;
  /** Index into `trafficClasses`; traffic with a mark that no class has counts as the last. */
  readonly trafficClass: number;
  readonly dangling: readonly string[];
  readonly uses: Use[];
}

/** Something wrong, with its sentence. */
export interface Flaw {
  readonly violation: WalkViolation;
  readonly message: string;
}

export interface TrackedWays {
  readonly flowsByNode: ReadonlyMap<NodeId, ReadonlyMap<RuleKey, TrackedFlow>>;
  /** Flows that end at a node. */
  readonly flowsByEgress: ReadonlyMap<NodeId, readonly TrackedFlow[]>;
  readonly ways: readonly TrackedWay[];
  /** By index of the link: the ways that pass it, each once. */
  readonly waysByLink: readonly (readonly TrackedWay[])[];
  readonly find: (nodeId: NodeId, bucket: Bucket) => TrackedWay | undefined;
  /** What is wrong with flows, in the order of rules; `tracked` absent where it is so whatever their ways are. */
  readonly flaws: readonly (Flaw & { readonly flow: TrackedFlow; readonly tracked: TrackedWay | undefined })[];
  /** What is wrong with failover groups and what refers to them. */
  readonly repairFlaws: ReadonlyMap<NodeId, readonly Flaw[]>;
  readonly traffic: Traffic;
  /** Whether the ways are the same without failover groups. */
  readonly isUnrepaired: boolean;
}

/** Traffic by what becomes of it, and by link. */
export class Traffic {
  /** Loads by index of the link, bps. */
  readonly loads: Tally;
  readonly #fates: Tally;

  constructor(from: number | Traffic) {
    this.loads = new Tally(typeof from === "number" ? from : from.loads);
    this.#fates = new Tally(typeof from === "number" ? fateCount * trafficClasses.length : from.#fates);
  }

  /** Counts what flows send on a way, or takes it out again. */
  count(op: "add" | "remove", uses: readonly Use[], way: Way, nodesDown: ReadonlySet<NodeId>): void {
    let totalBps = 0;
    let terms = 0;
    for (const { flow, rateBps } of uses) {
      // A flow whose meter is missing: it must not keep a sum from being zero.
      if (rateBps === 0) continue;
      totalBps += rateBps;
      terms += 1;
      const { trafficClass: name, egress } = flow;
      this.#fates[op](fates.offered + name, rateBps, 1);
      if (way.kind === "delivered" && way.at === egress) {
        this.#fates[op](fates.delivered + name, rateBps, 1);
        if (way.repairs > 0) this.#fates[op](fates.repaired + name, rateBps, 1);
      } else {
        const isEnded = nodesDown.has(flow.nodeId) || (egress !== undefined && nodesDown.has(egress));
        this.#fates[op]((isEnded ? fates.endsLost : fates.lost) + name, rateBps, 1);
      }
    }
    for (const link of way.links) this.loads[op](link, totalBps, terms);
  }

  byClass(fate: keyof typeof fates): Record<(typeof trafficClasses)[number], number> {
    const [interactive, elastic, bulk] = trafficClasses.map((_, i) => this.#fates.sums[fates[fate] + i] ?? 0);
    return { interactive: interactive ?? 0, elastic: elastic ?? 0, bulk: bulk ?? 0 };
  }
}

const fateCount = 5;
const fates = {
  offered: 0,
  delivered: trafficClasses.length,
  lost: 2 * trafficClasses.length,
  endsLost: 3 * trafficClasses.length,
  repaired: 4 * trafficClasses.length,
};

/** What an ingress rule is, without its uses. */
export function flowOf(
  ground: Ground,
  { nodeId, key, ingress }: { readonly nodeId: NodeId; readonly key: RuleKey; readonly ingress: IngressRule },
  lookup: (key: RuleKey) => Rule | undefined,
): { readonly flow: TrackedFlow; readonly buckets: readonly { readonly bucket: Bucket; readonly rateBps: number }[] } {
  const { egress, mplsTc, buckets, dangling } = entryOf(ground, { nodeId, key, ingress }, lookup);
  const found = trafficClasses.findIndex((name) => classMarking[name].dscp === ingress.match.dscp);
  const trafficClass = found < 0 ? trafficClasses.length - 1 : found;
  return { flow: { nodeId, key, ingress, egress, mplsTc, trafficClass, dangling, uses: [] }, buckets };
}

/** What is wrong with a flow whatever its ways are. */
export function flowFlaws({ nodeId, key, mplsTc, dangling, uses }: TrackedFlow): readonly Flaw[] {
  const flaws: Flaw[] = dangling.map((message) => ({ violation: { kind: "dangling", nodeId, key }, message }));
  for (const { bucket } of uses) {
    if (bucket.mplsTc === mplsTc) continue;
    flaws.push({ violation: { kind: "wrong-class", nodeId, key, label: bucket.pushLabel }, message: wrongClass(nodeId, key) });
  }
  return flaws;
}

/** What is wrong with the way that a flow takes. */
export function wayFlaw({ flow: { nodeId, key, egress }, bucket }: Use, way: Way): Flaw | undefined {
  const kind = violationOf(way, egress, {});
  if (kind === undefined) return undefined;
  const violation = { kind, nodeId, key, at: way.at, label: bucket.pushLabel };
  return { violation, message: sentence(violation) };
}

export function repairFlaw(nodeId: NodeId, { key, reason }: { readonly key: RuleKey; readonly reason: string }): Flaw {
  return { violation: { kind: "dangling", nodeId, key }, message: reason };
}

/** Walks all rules, in steps. O(rules + ingress rules x buckets + ways x hops), time and memory. */
export function* trackWays(scene: WayScene, rules: RuleSet, nodesDown: ReadonlySet<NodeId>): Steps<TrackedWays> {
  const { ground } = scene;
  const flowsByNode = new Map<NodeId, Map<RuleKey, TrackedFlow>>();
  const flowsByEgress = new Map<NodeId, TrackedFlow[]>();
  const ways: TrackedWay[] = [];
  const byNode = new Map<NodeId, Map<number, TrackedWay[]>>();
  const flaws: { violation: WalkViolation; message: string; flow: TrackedFlow; tracked: TrackedWay | undefined }[] = [];
  const repairFlaws = new Map<NodeId, readonly Flaw[]>();
  const traffic = new Traffic(ground.links.length);
  const find = (nodeId: NodeId, { output, pushLabel, failoverId }: Bucket): TrackedWay | undefined =>
    byNode
      .get(nodeId)
      ?.get(pushLabel)
      ?.find(({ bucket }) => bucket.output === output && bucket.failoverId === failoverId);
  const made = (nodeId: NodeId, bucket: Bucket): TrackedWay => {
    const tracked: TrackedWay = { nodeId, bucket, way: followWay(scene, nodeId, bucket), uses: [] };
    ways.push(tracked);
    let ofNode = byNode.get(nodeId);
    if (ofNode === undefined) byNode.set(nodeId, (ofNode = new Map()));
    const there = ofNode.get(bucket.pushLabel);
    if (there === undefined) ofNode.set(bucket.pushLabel, [tracked]);
    else there.push(tracked);
    return tracked;
  };

  for (const [nodeId, ofNode] of rules) {
    const flows = new Map<RuleKey, TrackedFlow>();
    flowsByNode.set(nodeId, flows);
    const ofRepairs = danglingRepairs(ground, nodeId, ofNode).map((each) => repairFlaw(nodeId, each));
    if (ofRepairs.length > 0) repairFlaws.set(nodeId, ofRepairs);
    for (const [key, ingress] of ofNode) {
      if (ingress.kind !== "ingress") continue;
      const { flow, buckets } = flowOf(ground, { nodeId, key, ingress }, (reference) => ofNode.get(reference));
      flows.set(key, flow);
      if (flow.egress !== undefined) {
        const there = flowsByEgress.get(flow.egress);
        if (there === undefined) flowsByEgress.set(flow.egress, [flow]);
        else there.push(flow);
      }
      for (const { bucket, rateBps } of buckets) {
        const tracked = find(nodeId, bucket) ?? made(nodeId, bucket);
        const use = { flow, bucket, rateBps, tracked };
        flow.uses.push(use);
        tracked.uses.push(use);
        const flaw = wayFlaw(use, tracked.way);
        if (flaw !== undefined) flaws.push({ ...flaw, flow, tracked });
      }
      for (const flaw of flowFlaws(flow)) flaws.push({ ...flaw, flow, tracked: undefined });
    }
    yield ofNode.size + 4 * flows.size;
  }
  let counted = 0;
  for (const { uses, way } of ways) {
    traffic.count("add", uses, way, nodesDown);
    counted += 1;
    if (counted % stepCostMax === 0) yield stepCostMax;
  }
  const waysByLink: TrackedWay[][] = ground.links.map(() => []);
  for (const tracked of ways) for (const link of new Set(tracked.way.links)) waysByLink[link]?.push(tracked);
  const isUnrepaired = ways.every(({ way }) => way.repairs === 0 && way.kind !== "dangling");
  return { flowsByNode, flowsByEgress, ways, waysByLink, find, flaws, repairFlaws, traffic, isUnrepaired };
}
