/**
 * The dumb walks, for tests: of rules in one state, packet by packet, and of an update, which lists every reachable state of a tiny network
 * one by one, builds its rules, and follows every packet. Exponential, and shares nothing with the walks it checks.
 */
import type { LinkId, NodeId, Rule, RuleSet, Topology } from "@sluice/model";
import { applyOperations } from "./diff.js";
import type { StageMessage, UpdatePlan } from "./update-plan.js";

export interface OracleReport {
  /** `kind ingress-node ingress-key label at-node` of everything wrong in some state, sorted. */
  readonly violations: readonly string[];
  /** Largest load of each link in some state, old and new mixed within messages that are being obeyed. */
  readonly peakBps: ReadonlyMap<LinkId, number>;
  readonly states: number;
}

/** How many of its messages each node has obeyed. */
type Progress = ReadonlyMap<NodeId, number>;

export function walkAllStates(topology: Topology, installed: RuleSet, plan: UpdatePlan): OracleReport {
  const messages = new Map<NodeId, { readonly message: StageMessage; readonly stage: number }[]>();
  plan.stages.forEach((stage, position) => {
    for (const message of stage.messages) {
      messages.set(message.nodeId, [...(messages.get(message.nodeId) ?? []), { message, stage: position }]);
    }
  });
  const mayObeyNext = (progress: Progress, nodeId: NodeId) => {
    const next = messages.get(nodeId)?.[progress.get(nodeId) ?? 0];
    return (
      next !== undefined &&
      next.message.waitsFor.every((other) =>
        (messages.get(other) ?? []).every(({ stage }, i) => stage >= next.stage || i < (progress.get(other) ?? 0)),
      )
    );
  };
  const rulesAt = (progress: Progress): RuleSet =>
    new Map(
      topology.nodes.map(({ id }) => {
        const done = (messages.get(id) ?? []).slice(0, progress.get(id) ?? 0);
        return [
          id,
          done.reduce((rules, { message }) => applyOperations(rules, message.operations), installed.get(id) ?? new Map<string, Rule>()),
        ];
      }),
    );

  const start: Progress = new Map([...messages.keys()].map((nodeId) => [nodeId, 0]));
  const queue: Progress[] = [start];
  const seen = new Set([JSON.stringify([...start])]);
  const violations = new Set<string>();
  const peakBps = new Map<LinkId, number>();
  for (let head = 0; head < queue.length; head += 1) {
    const progress = queue[head] ?? start;
    const able = [...messages.keys()].filter((nodeId) => mayObeyNext(progress, nodeId));
    const loads = new Map<LinkId, number>();
    const now = flowLoads(topology, rulesAt(progress), violations);
    const then = flowLoads(topology, rulesAt(new Map([...progress].map(([id, n]) => [id, able.includes(id) ? n + 1 : n]))), new Set());
    for (const flow of new Set([...now.keys(), ...then.keys()])) {
      const [before, after] = [now.get(flow), then.get(flow)];
      for (const link of new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])])) {
        loads.set(link, (loads.get(link) ?? 0) + Math.max(before?.get(link) ?? 0, after?.get(link) ?? 0));
      }
    }
    for (const [link, bps] of loads) peakBps.set(link, Math.max(peakBps.get(link) ?? 0, bps));
    for (const nodeId of able) {
      const next = new Map(progress).set(nodeId, (progress.get(nodeId) ?? 0) + 1);
      const name = JSON.stringify([...next]);
      if (seen.has(name)) continue;
      seen.add(name);
      queue.push(next);
    }
  }
  return { violations: [...violations].sort(), peakBps, states: queue.length };
}

/** What one flow's packets meet in one state: by link what they put on it, and what becomes of them. */
export interface FlowSeen {
  readonly loads: Map<LinkId, number>;
  readonly ends: { readonly end: string; readonly rateBps: number; readonly isRepaired: boolean }[];
}

/** Follows every packet of one state, by ingress node and key; adds what is wrong to `violations`. */
export function walkState(topology: Topology, rules: RuleSet, violations: Set<string>): Map<string, FlowSeen> {
  const flows = new Map<string, FlowSeen>();
  const linkOf = (id: LinkId) => topology.links.find((each) => each.id === id);
  const isNodeUp = (id: NodeId) => topology.nodes.find((node) => node.id === id)?.operational === "up";
  const isUp = (id: LinkId) => {
    const link = linkOf(id);
    return link !== undefined && link.operational === "up" && isNodeUp(link.from) && isNodeUp(link.to);
  };
  const groupOf = (at: NodeId, failoverId: number | undefined, output: LinkId) => {
    const rule = rules.get(at)?.get(`failover/${failoverId}`);
    const isFit = rule?.kind === "failover" && rule.buckets[0]?.output === output && rule.buckets[0].pushLabel === undefined;
    return isFit ? rule : undefined;
  };
  for (const [at, ofNode] of rules) {
    for (const [key, rule] of ofNode) {
      const hops: { readonly output: LinkId; readonly failoverId?: number | undefined }[] = [];
      if (rule.kind === "group") hops.push(...rule.buckets);
      if (rule.kind === "label" && rule.action.kind === "output")
        hops.push({ output: rule.action.link, failoverId: rule.action.failoverId });
      if (hops.some(({ output, failoverId }) => failoverId !== undefined && groupOf(at, failoverId, output) === undefined))
        violations.add(`dangling ${at} ${key}`);
      if (
        rule.kind === "failover" &&
        (rule.buckets[0]?.pushLabel !== undefined || rule.buckets.some(({ output }) => linkOf(output)?.from !== at))
      )
        violations.add(`dangling ${at} ${key}`);
    }
  }
  for (const [nodeId, ofNode] of rules) {
    for (const [key, ingress] of ofNode) {
      if (ingress.kind !== "ingress") continue;
      const seen: FlowSeen = { loads: new Map(), ends: [] };
      flows.set(`${nodeId} ${key}`, seen);
      const meter = ofNode.get(`meter/${ingress.meterId}`);
      const group = ofNode.get(`group/${ingress.groupId}`);
      const egress = topology.nodes.find(({ prefix }) => prefix === ingress.match.dstPrefix)?.id;
      if (meter?.kind !== "meter" || group?.kind !== "group" || egress === undefined) violations.add(`dangling ${nodeId} ${key}`);
      if (group?.kind !== "group") continue;
      const sum = group.buckets.reduce((total, { weight }) => total + weight, 0);
      for (const bucket of group.buckets) {
        const rateBps = meter?.kind === "meter" ? (meter.rateBps * bucket.weight) / sum : 0;
        let isRepaired = false;
        const packetEnd = (): string => {
          const met: string[] = [];
          let stack: readonly number[] = [bucket.pushLabel];
          let at = nodeId;
          let hop: { readonly output: LinkId; readonly failoverId?: number | undefined } = bucket;
          for (;;) {
            let out = hop.output;
            if (linkOf(out)?.from !== at) return `dangling ${at}`;
            if (!isUp(out)) {
              if (hop.failoverId === undefined) return `lost ${at}`;
              const failover = groupOf(at, hop.failoverId, out);
              const choice = failover?.buckets.find(({ output }) => isUp(output) || linkOf(output)?.from !== at);
              if (failover === undefined || (choice !== undefined && linkOf(choice.output)?.from !== at)) return `dangling ${at}`;
              if (choice === undefined) return `lost ${at}`;
              isRepaired = true;
              out = choice.output;
              if (choice.pushLabel !== undefined) stack = [choice.pushLabel, ...stack];
              if (stack.length > 3) return `stack ${at}`;
            }
            seen.loads.set(out, (seen.loads.get(out) ?? 0) + rateBps);
            at = linkOf(out)?.to ?? at;
            const state = JSON.stringify([at, stack]);
            if (met.includes(state)) return `loop ${at}`;
            met.push(state);
            const rule = rules.get(at)?.get(`label/${stack[0]}`);
            if (rule?.kind !== "label") return `blackhole ${at}`;
            if (rule.action.kind === "pop-deliver") {
              if (stack.length > 1) return `stack ${at}`;
              return at === egress || egress === undefined ? "delivered" : `wrong-egress ${at}`;
            }
            if (rule.action.kind === "pop-output") {
              stack = stack.slice(1);
              if (stack.length === 0) return `stack ${at}`;
              hop = { output: rule.action.link };
            } else hop = { output: rule.action.link, failoverId: rule.action.failoverId };
          }
        };
        const end = packetEnd();
        const [kind = "", at = ""] = end.split(" ");
        seen.ends.push({ end: kind, rateBps, isRepaired });
        if (kind !== "delivered" && kind !== "lost") violations.add(`${kind} ${nodeId} ${key} ${bucket.pushLabel} ${at}`);
      }
    }
  }
  return flows;
}

/** What each flow puts on each link in one state. */
function flowLoads(topology: Topology, rules: RuleSet, violations: Set<string>): Map<string, Map<LinkId, number>> {
  return new Map([...walkState(topology, rules, violations)].map(([flow, { loads }]) => [flow, loads]));
}
