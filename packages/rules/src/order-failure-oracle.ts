/**
 * Every state that an update can be in, listed one by one, and in each of them failures: for tests. Follows packets on its own, and dumbly;
 * exponential, for tiny networks.
 */
import {
  cablesOf,
  prefixRange,
  type Bucket,
  type IngressRule,
  type LinkId,
  type NodeId,
  type NodeRules,
  type RuleSet,
  type Topology,
} from "@sluice/model";
import { applyOperations } from "./diff.js";
import type { StageMessage, UpdatePlan } from "./update-plan.js";

const noRules: NodeRules = new Map();
/** Updates with more states than this are left out: most are far below. */
const statesMax = 400;

interface End {
  readonly end: "delivered" | "lost" | "loop" | "blackhole" | "astray";
  /** How many failures it was led around. */
  readonly repairs: number;
}

/** Follows one packet; a hop limit finds loops. */
function follow(topology: Topology, rules: RuleSet, down: ReadonlySet<LinkId>, from: Packet): End {
  const stack = [from.bucket.pushLabel];
  let at = from.nodeId;
  let hop: { output: LinkId; failoverId?: number | undefined } = from.bucket;
  let repairs = 0;
  const hopsMax = topology.nodes.length * (topology.nodes.length + 2);
  for (let hops = 0; hops < hopsMax; hops += 1) {
    let { output } = hop;
    if (down.has(output)) {
      const failover = rules.get(at)?.get(`failover/${hop.failoverId}`);
      const bucket = failover?.kind === "failover" ? failover.buckets.find((each) => !down.has(each.output)) : undefined;
      if (hop.failoverId !== undefined && failover?.kind !== "failover") return { end: "astray", repairs };
      if (failover?.kind === "failover" && failover.buckets[0]?.output !== output) return { end: "astray", repairs };
      if (bucket === undefined) return { end: "lost", repairs };
      repairs += 1;
      output = bucket.output;
      if (bucket.pushLabel !== undefined) stack.push(bucket.pushLabel);
    }
    const link = topology.linkById.get(output);
    if (link === undefined || link.from !== at) return { end: "astray", repairs };
    at = link.to;
    const rule = rules.get(at)?.get(`label/${stack.at(-1)}`);
    if (rule?.kind !== "label") return { end: "blackhole", repairs };
    if (rule.action.kind === "pop-deliver") {
      const site = prefixRange(topology.nodeById.get(at)?.prefix ?? "");
      const wanted = prefixRange(from.ingress.match.dstPrefix);
      return { end: stack.length === 1 && site?.first === wanted?.first ? "delivered" : "astray", repairs };
    }
    if (rule.action.kind === "pop-output") {
      stack.pop();
      if (stack.length === 0) return { end: "astray", repairs };
      hop = { output: rule.action.link };
    } else hop = { output: rule.action.link, failoverId: rule.action.failoverId };
  }
  return { end: "loop", repairs };
}

/** Every state that the messages' order allows, as rule sets. */
export function* reachableStates(topology: Topology, installed: RuleSet, plan: UpdatePlan): Generator<RuleSet> {
  const messages = new Map<NodeId, { readonly message: StageMessage; readonly stage: number }[]>();
  plan.stages.forEach((stage, position) => {
    for (const message of stage.messages) {
      const there = messages.get(message.nodeId) ?? [];
      messages.set(message.nodeId, [...there, { message, stage: position }]);
    }
  });
  const versions = new Map<NodeId, NodeRules[]>();
  for (const { id } of topology.nodes) {
    const of = [installed.get(id) ?? noRules];
    for (const { message } of messages.get(id) ?? []) of.push(applyOperations(of.at(-1) ?? noRules, message.operations));
    versions.set(id, of);
  }
  const nodeIds = [...messages.keys()];
  const queue = [nodeIds.map(() => 0)];
  const seen = new Set([JSON.stringify(queue[0])]);
  for (let head = 0; head < queue.length; head += 1) {
    const progress = queue[head] ?? [];
    const done = (nodeId: NodeId) => progress[nodeIds.indexOf(nodeId)] ?? 0;
    yield new Map(topology.nodes.map(({ id }) => [id, versions.get(id)?.[done(id)] ?? noRules]));
    nodeIds.forEach((nodeId, i) => {
      const next = messages.get(nodeId)?.[progress[i] ?? 0];
      if (next === undefined) return;
      const isFree = next.message.waitsFor.every((other) =>
        (messages.get(other) ?? []).every(({ stage }, k) => stage >= next.stage || k < done(other)),
      );
      const state = progress.map((n, k) => (k === i ? n + 1 : n));
      if (!isFree || seen.has(JSON.stringify(state))) return;
      seen.add(JSON.stringify(state));
      queue.push(state);
    });
  }
}

interface Packet {
  readonly nodeId: NodeId;
  readonly ingress: IngressRule;
  readonly bucket: Bucket;
}

function* packetsOf(rules: RuleSet): Generator<Packet> {
  for (const [nodeId, ofNode] of rules) {
    for (const ingress of ofNode.values()) {
      if (ingress.kind !== "ingress") continue;
      const group = ofNode.get(`group/${ingress.groupId}`);
      for (const bucket of group?.kind === "group" ? group.buckets : []) yield { nodeId, ingress, bucket };
    }
  }
}

const hasLabel = (rules: RuleSet, label: number) => [...rules.values()].some((ofNode) => ofNode.has(`label/${label}`));

export interface Finding {
  readonly states: number;
  readonly packets: number;
  /** Packets that met a failure and came through. */
  readonly repaired: number;
  readonly wrong: readonly string[];
}

/**
 * `isStrange`: labels may mean different tunnels before and after, or lead nowhere before, so only what goes astray is looked for, and not
 * for packets that went astray before.
 */
export function enumerate(
  topology: Topology,
  {
    installed,
    target,
    update,
    failures,
  }: { installed: RuleSet; target: RuleSet; update: UpdatePlan; failures: readonly (readonly LinkId[])[] },
  isStrange = false,
): Finding | undefined {
  let [states, packets, repaired] = [0, 0, 0];
  const wrong = new Set<string>();
  for (const rules of reachableStates(topology, installed, update)) {
    states += 1;
    if (states > statesMax) return undefined;
    for (const failed of failures) {
      const down = new Set(failed);
      for (const packet of packetsOf(rules)) {
        packets += 1;
        const { end, repairs } = follow(topology, rules, down, packet);
        if (end === "delivered") {
          if (repairs > 0) repaired += 1;
          continue;
        }
        const name = `${packet.nodeId} label ${packet.bucket.pushLabel} under ${failed.join("+")}`;
        if (end !== "lost" && isStrange && wasAstray(topology, installed, down, packet)) continue;
        if (end !== "lost") wrong.add(`${end}: ${name}`);
        else if (failed.length === 0) wrong.add(`lost without a failure: ${name}`);
        else if (!isStrange && cablesOf(topology).some(({ linkIds }) => linkIds.join() === failed.join())) {
          // Delivered by the old rules as far as they know the tunnel, and by the new ones: then in between as well.
          const own = rules.get(packet.nodeId) ?? noRules;
          const ends = [installed, target]
            .filter((all) => hasLabel(all, packet.bucket.pushLabel))
            .map((all) => {
              const failovers = [...own].filter(([, rule]) => rule.kind === "failover");
              return follow(
                topology,
                new Map([...all, [packet.nodeId, new Map([...(all.get(packet.nodeId) ?? []), ...failovers])]]),
                down,
                packet,
              );
            });
          if (ends.every((each) => each.end === "delivered")) wrong.add(`not repaired: ${name}`);
        }
      }
    }
  }
  return { states, packets, repaired, wrong: [...wrong] };
}

/** Whether the installed rules led such packets astray already, under this failure or before it could bring them there. */
function wasAstray(topology: Topology, installed: RuleSet, down: ReadonlySet<LinkId>, packet: Packet): boolean {
  for (const before of packetsOf(installed)) {
    const isSame = [before.nodeId === packet.nodeId, before.ingress.match.dstPrefix === packet.ingress.match.dstPrefix];
    if (isSame.includes(false) || before.bucket.pushLabel !== packet.bucket.pushLabel || before.bucket.output !== packet.bucket.output)
      continue;
    const ends = [down, new Set<LinkId>()].map((failed) => follow(topology, installed, failed, before).end);
    if (ends.some((end) => end !== "delivered" && end !== "lost")) return true;
  }
  return false;
}

/** No failure, each cable alone, and some at once. */
export function failuresOf(topology: Topology, several: readonly (readonly number[])[]): readonly (readonly LinkId[])[] {
  const cables = cablesOf(topology);
  return [
    [],
    ...cables.map(({ linkIds }) => linkIds),
    ...several.map((picks) => [...new Set(picks.flatMap((pick) => cables[pick % cables.length]?.linkIds ?? []))]),
  ];
}
